package profile_test

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"

	"keyprof/sampler/profile"
)

func TestSumText(t *testing.T) {
	huge := profile.Sum{High: math.MaxUint64, Low: math.MaxUint64}
	for _, tt := range []struct {
		sum  profile.Sum
		want string
	}{
		{profile.Sum{}, "0"},
		{profile.SumOf(17), "17"},
		{profile.SumOfThousandths(1), "0.001"},
		{profile.SumOfThousandths(1250), "1.25"},
		{profile.SumOf(math.MaxInt64), "9223372036854775807"},
		{profile.SumOf(math.MaxInt64).Plus(profile.SumOf(math.MaxInt64)), "18446744073709551614"},
		{huge, "340282366920938463463374607431768211.455"},
	} {
		text, err := json.Marshal(tt.sum)
		if err != nil || string(text) != tt.want {
			t.Errorf("%v: %s, %v; want %s", tt.sum, text, err, tt.want)
		}
	}
}

func TestSumIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sum := profile.Sum{High: rapid.Uint64().Draw(t, "high"), Low: rapid.Uint64().Draw(t, "low")}
		text, err := json.Marshal(sum)
		var again profile.Sum
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil || again != sum {
			t.Errorf("%v is written as %s, and read as %v: %v", sum, text, again, err)
		}
	})
}

func TestSumsInOtherForms(t *testing.T) {
	for text, want := range map[string]profile.Sum{
		"1e3": profile.SumOf(1000), "1.2344999": profile.SumOfThousandths(1234), "1.50": profile.SumOfThousandths(1500), "2.5E1": profile.SumOf(25),
	} {
		var sum profile.Sum
		if err := json.Unmarshal([]byte(text), &sum); err != nil || sum != want {
			t.Errorf("%s is read as %v, %v; want %v", text, sum, err, want)
		}
	}
	for _, text := range []string{"-1", "-0", `"1"`, "null", "{}", "1e999999999", "1e40", "340282366920938463463374607431768211.456"} {
		sum := profile.SumOf(1)
		if err := sum.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s is read as %v", text, sum)
		}
	}
}
