// Package publish writes what an audit found into the cluster: Events, and PolicyReports where that API is
// installed.
//
// Both are made of the report, which holds nothing out of a Secret but the private host that a rule matched.
// Names are derived from what was found, so that running again adds nothing. Of the project it may import
// pkg/report and what lies left of that.
package publish
