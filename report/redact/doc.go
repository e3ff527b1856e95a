// Package redact makes what was found about a keyspace fit to be shared: it
// replaces what is data in the names of keys, and what identifies the server.
//
// # What is data in a name
//
// What namespaces replace by a placeholder is data: ids, times, addresses,
// tokens, and words of which one place has too many. What is left in a pattern
// are words. Most are the schema: user, session. Some are data all the same:
// the alice of user:alice:cart, if fewer than 64 users are there. No program can
// know which, so a word stays only if there is a reason to think it schema:
//
//   - It is a word that the software which uses Redis is made of, such as queue
//     or failed; see vocabulary.
//   - Or it covers at least [Options.Rare] keys, and it is not one of several
//     words that are followed by the same word: acme:orders, globex:orders and
//     so on are tenants.
//
// This is decided place by place from the left, each after the words before it
// have been decided. What is replaced becomes <*>, and namespaces that are then
// called the same are summed up.
//
// # What becomes of a name
//
// A key's name becomes its namespace and a token, such as user:<*> #1f2e3d4c5b6a:
// the same for the same name within a run, and of no use for anything else. It
// is a keyed hash, as a plain one could be found out by trying names.
package redact
