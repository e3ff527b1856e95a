// Package prom writes the figures of a profile as a file for the textfile
// collector of Prometheus' node_exporter.
//
// All metrics are gauges in base units: bytes, seconds and ratios. Unknown figures
// have no sample. There are no totals: the samples of a metric by namespace add up
// to them.
package prom
