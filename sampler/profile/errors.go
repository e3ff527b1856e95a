package profile

import "errors"

// What can be wrong with a file that should hold a profile. Errors of Read wrap
// one of these, unless reading itself failed.
var (
	// ErrNotProfile says that the file is something else.
	ErrNotProfile = errors.New("not a keyprof profile")
	// ErrNewerSchema says that a newer keyprof wrote the file.
	ErrNewerSchema = errors.New("profile of a newer version")
	// ErrTooLarge says that the file passes a limit: MaxDocumentBytes, or one of
	// those on the parts of a document, such as MaxValues.
	ErrTooLarge = errors.New("profile is too large")
	// ErrTruncated says that the end of the file is missing.
	ErrTruncated = errors.New("profile is cut short")
	// ErrInvalid says that the file is damaged, or was edited by hand.
	ErrInvalid = errors.New("profile is damaged")
)

// ErrNotValid says that a profile to be written is no valid document, which no file
// or disk can mend.
var ErrNotValid = errors.New("profile is not valid")

// ErrSuffix says that a name of a file to be written does not tell how.
var ErrSuffix = errors.New("file name must end in .json, .json.gz or .json.zst")
