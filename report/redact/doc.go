// Package redact makes a profile fit to be shared: it replaces data in the names of
// keys, and what identifies the server.
//
// # What is data in a name
//
// Namespaces already replace some data by placeholders: IDs, times, addresses,
// tokens, and words of which one place has too many. The words that are left are
// mostly schema: user, session. Some are data all the same: the alice of
// user:alice:cart, if there are fewer than 64 users. No program can know which, so
// a word stays only if there is a reason to take it for schema:
//
//   - It is a common word of software that uses Redis, such as queue or failed;
//     see vocabulary.
//   - Or it covers at least [Options.Rare] keys, and it is not one of several
//     words that are followed by the same word: acme:orders, globex:orders and
//     so on are tenants.
//
// This is decided place by place from the left, each after the words before it. A
// replaced word becomes <*>, and namespaces that then have the same name are summed
// up.
//
// # Names of keys
//
// A key's name becomes its namespace and a token, such as user:<*> #1f2e3d4c5b6a:
// the same for the same name within a run, and of no other use. It is a keyed hash,
// as a plain one could be reversed by trying names.
package redact
