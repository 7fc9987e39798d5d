package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

const (
	// Controller is who Events and PolicyReports say that they are from.
	Controller = "spegel-guard.dev/audit"
	// maxNote bounds an Event's note, in bytes, as the API server does.
	maxNote = 1024
	// maxEvents bounds the Events of one release in one run; a list of a thousand bad entries is one mistake.
	maxEvents = 20
	// maxNamePart leaves room for the hash and the day in the 253 bytes of a name.
	maxNamePart = 200
)

// Events writes one Event for each thing that is wrong with a release. Its name is made of the release, the
// finding and the day (of now, in UTC), so as long as the cluster keeps it the same finding has no other on that day.
// The error joins those of the API server.
func Events(ctx context.Context, c client.Client, r *report.Report, instance string, now time.Time) error {
	var errs []error
	for i := range r.Releases {
		rel := &r.Releases[i]
		all := slices.DeleteFunc(entries(rel), func(e report.Entry) bool { return e.ID == report.EntryUnresolved && e.Severity != validate.Deny })
		for _, e := range all[:min(len(all), maxEvents)] {
			if err := c.Create(ctx, newEvent(rel, &e, instance, now)); isFailure(err) {
				errs = append(errs, fmt.Errorf("write an Event about %s: %w", rel.ID(), err))
			}
		}
	}
	return joined(errs, "Events")
}

func newEvent(rel *report.Release, e *report.Entry, instance string, now time.Time) *eventsv1.Event {
	return &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: rel.Namespace, Name: eventName(rel, e, now)},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: Controller,
		ReportingInstance:   cut(instance, 128),
		Action:              "Audit",
		Reason:              upperCamel(e.ID),
		Regarding:           object(rel),
		Note:                cut(e.Text()+" ["+e.ID+"]", maxNote),
		Type:                corev1.EventTypeWarning,
	}
}

// eventName is the release's name, a hash of the finding, and the day. What the message counts, such as pods,
// is not in the hash: a rollout that goes on is one thing.
func eventName(rel *report.Release, e *report.Entry, now time.Time) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{rel.ID(), e.ID, e.Subject, string(e.Severity)}, "\x00")))
	name := strings.TrimRight(rel.Name[:min(len(rel.Name), maxNamePart)], "-.")
	return name + "." + hex.EncodeToString(sum[:8]) + "." + now.UTC().Format("20060102")
}

// upperCamel makes empty-mirror-list EmptyMirrorList, the form that reasons of Events have.
func upperCamel(rule string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(rule, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// cut shortens a text to at most n bytes, between characters.
func cut(s string, n int) string {
	const dots = "..."
	if len(s) <= n {
		return s
	}
	n -= len(dots)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + dots
}
