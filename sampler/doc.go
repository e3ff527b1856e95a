// Package sampler profiles the keys of one server: it plans a scan, asks the questions
// that the scan sends along, turns the server's answers into observations, and documents
// the scan. Package aggregate adds the observations up by namespace.
package sampler
