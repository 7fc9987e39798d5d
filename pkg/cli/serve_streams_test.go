//go:build !race

package cli_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Thousands of streams announce a body of 32 KiB and send a little of it, or nearly all, or have large headers. The program stays within its limit,
// answers a review beside them, and does not fill its log.
func TestManyStreamsWithoutTheirBodies(t *testing.T) { //nolint:paralleltest // it measures what one program takes
	for name, c := range map[string]struct { //nolint:paralleltest // one after the other, as it measures
		sent          int
		fields, bytes int // of the header
		long          bool
	}{
		"a little":               {16, 0, 0, false},
		"nearly all":             {32<<10 - 1, 0, 0, true},
		"headers too large":      {16, 1, 60_000, true},
		"large headers":          {16, 1, 3800, false},
		"headers of many fields": {16, 100, 3, true},
	} {
		if c.long && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			const connections, streams = 60, 100
			p := servingWith(t, time.Hour, []string{goMemoryLimit})
			var begun, ended sync.WaitGroup
			answered := make(chan struct{})
			for range connections {
				begun.Add(1)
				ended.Go(func() { p.begin(t, streams, c.sent, c.fields, c.bytes, begun.Done, answered) })
			}
			begun.Wait()
			if err := p.review(t.Context()); err != nil { // it is turned away if it has to wait for them
				t.Errorf("a usual review beside them: %v", err)
			}
			time.Sleep(6 * time.Second) // until bodies have had their time, so that the log would have a line of each
			close(answered)
			ended.Wait()
			p.checkMemory(t)
			log := p.log(t)
			if lines := strings.Count(log, "\n"); lines > 100 || strings.Contains(log, `"ERROR"`) {
				t.Errorf("%d lines in the log:\n%.1000s", lines, log)
			}
		})
	}
}

// begin opens streams on one connection, with so many fields of so many bytes more in the header, sends a part of each body, says so, and
// holds on to them until it is told.
func (p *program) begin(t *testing.T, streams, sent, fields, size int, begun func(), until <-chan struct{}) {
	t.Helper()
	begun = sync.OnceFunc(begun)
	defer begun() // also if it had to make way
	u, err := url.Parse(p.url)
	if err != nil {
		t.Error(err)
		return
	}
	dialer := &tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	conn, err := dialer.DialContext(t.Context(), "tcp", u.Host)
	if err != nil { // it had to make way
		return
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	var header bytes.Buffer
	encode := hpack.NewEncoder(&header)
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", "https"}, {":authority", u.Host}, {":path", u.Path}, {"content-type", "application/json"}, {"content-length", "32768"},
	} {
		if err := encode.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Error(err)
			return
		}
	}
	for i := range fields { // no table makes these short
		_ = encode.WriteField(hpack.HeaderField{Name: fmt.Sprintf("x-%d", i), Value: strings.Repeat("~", size), Sensitive: true})
	}
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		return
	}
	framer := http2.NewFramer(conn, nil)
	_ = framer.WriteSettings()
	for i := range streams { // it may hang up, or refuse some
		id := uint32(2*i + 1)
		for block, first := header.Bytes(), true; len(block) > 0; first = false {
			part := block[:min(len(block), 16<<10)]
			block = block[len(part):]
			if first {
				_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: part, EndHeaders: len(block) == 0})
			} else {
				_ = framer.WriteContinuation(id, len(block) == 0, part)
			}
		}
		for left := sent; left > 0; left -= 16 << 10 {
			if framer.WriteData(id, false, make([]byte, min(left, 16<<10))) != nil {
				return
			}
		}
	}
	begun()
	<-until
}
