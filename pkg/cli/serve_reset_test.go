//go:build !race

package cli_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/url"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Streams that are opened and reset at once are what "rapid reset" is made of. net/http runs no more handlers than it has
// streams, and hangs up on who goes on. The program stays small and answers others.
func TestRapidReset(t *testing.T) {
	t.Parallel()
	p := servingWith(t, time.Hour, []string{goMemoryLimit})
	sent := 0
	for range 5 {
		sent += p.flood(t, 10_000)
	}
	if err := p.review(t.Context()); err != nil {
		t.Errorf("after the flood: %v\n%s", err, p.log(t))
	}
	t.Logf("%d streams", sent)
	p.checkMemory(t)
}

// flood opens streams on one connection and resets each at once, until the server hangs up.
func (p *program) flood(t *testing.T, streams int) (sent int) {
	t.Helper()
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	dialer := &tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	conn, err := dialer.DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var header bytes.Buffer
	encode := hpack.NewEncoder(&header)
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", u.Host}, {":path", u.Path}, {"content-type", "application/json"}} {
		if err := encode.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, nil)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for i := range streams {
		id := uint32(2*i + 1)
		block := header.Bytes()
		if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true}); err != nil {
			return i
		}
		if err := framer.WriteRSTStream(id, http2.ErrCodeCancel); err != nil {
			return i
		}
	}
	return streams
}
