// Package sampler profiles the keys of one server: it plans a walk, asks the questions
// that the walk sends along, turns the server's answers into observations, and documents
// the walk. Package aggregate adds the observations up by namespace.
package sampler
