// Package pattern turns a key name into its namespace: the name with every
// variable part replaced by a placeholder, such as resque:status:<uuid>.
//
// It has three layers:
//
//   - The lexer reads one name and knows no other. It recognizes the parts that their
//     form identifies: numbers, times, identifiers, addresses, random tokens.
//     [Lexer.Tokens] returns the input of the next layer.
//   - The [Trie] sees all names. It replaces literals that are too many to be names
//     that people chose: slugs, user names, search terms. Its [Dictionary] holds earlier
//     decisions, first of all the literals that a [Survey] of the first names found to
//     be frequent; [Rules] hold the decisions of users.
//   - Fusion, at the end, joins namespaces that differ only in how a random token was
//     read.
//
// The lexer guarantees:
//
//   - The pattern is a pure function of the name: neither the order of the names nor
//     the number of workers can change it.
//   - A pattern is printable, valid UTF-8 of at most [MaxPattern] bytes, whatever the
//     name is. It never carries a control or format character to a terminal.
//   - A pattern is unambiguous: <, > and \ in the name itself are escaped with a
//     backslash, so a name that contains the text <uuid> is not mistaken for the
//     placeholder.
//   - The time is linear in the length of the name, and nothing is allocated.
//
// Delimiters have three strengths: strong ones (: / | # and brackets, unless others are
// chosen: see [Delimiters]), medium ones (the other punctuation and the space) and weak
// ones (- and _). After each delimiter the lexer first tries the forms that span
// delimiters (a date, an address, a UUID), longest first, then the opaque tokens that
// contain weak delimiters by chance, and only then single words.
//
// The rest is a literal. A word must not be split, so user_profile is one token wherever
// the name has delimiters stronger than the underscore.
package pattern

// Version is the version of the lexing rules. It is saved in each profile, so
// that a comparison of two profiles can tell that the rules changed between
// them. Raise it with every change that alters the pattern of any name.
const Version = 3
