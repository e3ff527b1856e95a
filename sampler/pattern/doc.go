// Package pattern turns a key name into its namespace: the name with every
// variable part replaced by a placeholder, such as resque:status:<uuid>.
//
// It is built in layers:
//
//   - The lexer (this file's neighbours) reads one name and knows nothing of
//     any other. It recognises the parts whose form gives them away: numbers,
//     times, identifiers, addresses, random tokens. [Lexer.Tokens] is what the
//     next layer consumes.
//   - The [Trie] comes on top. It sees all names and collapses literals that are
//     too many to be names of anything: slugs, user names, words of a search.
//     Its [Dictionary] holds what was decided before, first of all the literals
//     that a [Survey] of the first names found to be frequent; [Rules] are what
//     people decided.
//   - Fusion, at the end, joins namespaces that differ only in how a random
//     token was read.
//
// What the lexer promises:
//
//   - The pattern is a pure function of the name: neither the order of the
//     names nor the number of workers can change it.
//   - A pattern is printable, valid UTF-8 of at most [MaxPattern] bytes,
//     whatever the name is. It never carries a control or format character to
//     a terminal.
//   - A pattern is unambiguous: <, > and \ that stand in the name itself are
//     escaped with a backslash, so a name that contains the text <uuid> is not
//     mistaken for the placeholder.
//   - The time is linear in the length of the name, and nothing is allocated.
//
// How a name is read. Delimiters have three strengths: strong ones (: / | # and
// brackets, unless others are chosen: see [Delimiters]), medium ones (the other
// punctuation and the space) and weak ones (- and _). After each delimiter the lexer first tries the forms that span
// delimiters (a date, an address, a UUID), longest first, then the opaque
// tokens that contain weak delimiters by chance, and only then single words.
//
// What is left is a literal. A literal must not be split where a person reads
// one word, so user_profile is one token wherever the name has delimiters
// stronger than the underscore.
package pattern

// Version is the version of the lexing rules. It is saved in each profile, so
// that a comparison of two profiles can tell that the rules changed between
// them. Raise it with every change that alters the pattern of any name.
const Version = 3
