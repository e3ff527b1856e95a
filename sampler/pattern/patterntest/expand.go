package patterntest

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const (
	lowerDigits = "0123456789abcdefghijklmnopqrstuvwxyz"
	base62      = lowerDigits + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base64URL   = base62 + "-_"
	crockford   = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// lastSecond ends the two years from which times are drawn. It is fixed, so
// that a seed gives the same names every day.
var lastSecond = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

// expanders make the text for {name:argument}.
var expanders = map[string]func(rng *rand.Rand, arg string) string{
	"uuid":   func(rng *rand.Rand, _ string) string { return uuid(rng) },
	"hex":    func(rng *rand.Rand, arg string) string { return hex.EncodeToString(random(rng, atoi(arg)))[:atoi(arg)] },
	"int":    func(rng *rand.Rand, arg string) string { return integer(rng, arg) },
	"ts":     func(rng *rand.Rand, _ string) string { return strconv.FormatInt(moment(rng).Unix(), 10) },
	"tsms":   func(rng *rand.Rand, _ string) string { return strconv.FormatInt(moment(rng).UnixMilli(), 10) },
	"date":   func(rng *rand.Rand, _ string) string { return moment(rng).Format(time.DateOnly) },
	"time":   func(rng *rand.Rand, arg string) string { return moment(rng).Format(arg) },
	"b36":    func(rng *rand.Rand, arg string) string { return pick(rng, lowerDigits, atoi(arg)) },
	"b62":    func(rng *rand.Rand, arg string) string { return pick(rng, base62, atoi(arg)) },
	"b64url": func(rng *rand.Rand, arg string) string { return pick(rng, base64URL, atoi(arg)) },
	"nanoid": func(rng *rand.Rand, _ string) string { return pick(rng, base64URL, 21) },
	"ulid":   func(rng *rand.Rand, _ string) string { return ulid(rng) },
	"ksuid":  func(rng *rand.Rand, _ string) string { return pick(rng, "23", 1) + pick(rng, base62, 26) },
	"ip4":    func(rng *rand.Rand, _ string) string { return netip.AddrFrom4([4]byte(random(rng, 4))).String() },
	"ip6":    func(rng *rand.Rand, _ string) string { return ip6(rng) },
	"email":  func(rng *rand.Rand, _ string) string { return email(rng) },
	"slug":   func(rng *rand.Rand, _ string) string { return slug(rng) },
	"word":   func(rng *rand.Rand, arg string) string { return choose(rng, strings.Split(arg, ",")) },
	"bin":    func(rng *rand.Rand, arg string) string { return string(random(rng, atoi(arg))) },
}

// Expand replaces each {…} of a template that names a generator. Other braces
// are kept. It panics on an argument that is no number where one is needed.
func Expand(rng *rand.Rand, template string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		body, after, closed := strings.Cut(rest, "}")
		if expand := lookUp(&body); expand != nil && closed {
			b.WriteString(expand(rng, body))
			template = after
			continue
		}
		b.WriteByte('{')
		template = rest
	}
}

// lookUp finds the expander for a body, and leaves its argument there. The
// number of hexadecimal digits is written without a colon.
func lookUp(body *string) func(*rand.Rand, string) string {
	name, arg, colon := strings.Cut(*body, ":")
	if digits, ok := strings.CutPrefix(name, "hex"); ok && !colon {
		name, arg = "hex", digits
	}
	*body = arg
	return expanders[name]
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func pick(rng *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(b)
}

func choose(rng *rand.Rand, words []string) string { return words[rng.IntN(len(words))] }

func integer(rng *rand.Rand, arg string) string {
	lo, hi, _ := strings.Cut(arg, "-")
	return strconv.Itoa(atoi(lo) + rng.IntN(atoi(hi)-atoi(lo)+1))
}

func moment(rng *rand.Rand) time.Time {
	const twoYears = 2 * 365 * 24 * time.Hour
	return lastSecond.Add(-time.Duration(rng.Int64N(int64(twoYears))))
}

func uuid(rng *rand.Rand) string {
	b := random(rng, 16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func ulid(rng *rand.Rand) string {
	ms := uint64(moment(rng).UnixMilli())
	b := []byte(pick(rng, crockford, 26))
	for i := 9; i >= 0; i-- {
		b[i] = crockford[ms&31]
		ms >>= 5
	}
	return string(b)
}

// ip6 returns a global address, half of them with a run of zeros.
func ip6(rng *rand.Rand) string {
	b := random(rng, 16)
	copy(b, []byte{0x20, 0x01, 0x0d, 0xb8})
	if rng.IntN(2) == 0 {
		clear(b[6:14])
	}
	return netip.AddrFrom16([16]byte(b)).String()
}

func email(rng *rand.Rand) string {
	local := choose(rng, words)
	switch rng.IntN(3) {
	case 0:
		local += "." + choose(rng, words)
	case 1:
		local += strconv.Itoa(rng.IntN(1000))
	}
	return local + "@" + choose(rng, words) + choose(rng, []string{".com", ".org", ".co.uk", ".de", ".example.net"})
}

func slug(rng *rand.Rand) string {
	parts := make([]string, 2+rng.IntN(3))
	for i := range parts {
		parts[i] = choose(rng, words)
	}
	return strings.Join(parts, "-")
}

var words = strings.Fields(`
	acme alpha amber apple arrow atlas autumn beacon berry birch bison blaze bold breeze bridge bright
	brook canyon cedar cherry cider circle clever cloud clover cobalt comet copper coral crane crystal
	dawn delta desert dragon drift eagle early earth echo ember falcon fern field fire forest fox frost
	garden gentle ghost glacier golden granite grape green harbor hazel hidden hollow honey indigo iron
	island ivory jade jasper juniper kestrel lake lantern lemon lilac little lucky lunar maple marble
	meadow merry mint misty moon mountain nimble noble north oak ocean olive opal orange orchid otter
	owl pearl pepper pine pixel plum polar prairie quartz quick quiet rapid raven ridge river robin
	rocket rose ruby saffron sage scarlet shadow silver sky smart snow solar sparrow spring star stone
	storm summer sunny swift tango thunder tiger timber topaz tulip turquoise umber valley velvet violet
	walnut water willow wind winter wolf yellow zebra zephyr
`)
