package pattern

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"keyprof/sampler/pattern/patterntest"
)

// owners counts the names of a namespace by family.
type owners map[string]int

var ownerValues = Values[owners]{
	New: func() owners { return owners{} },
	Merge: func(into, from owners) {
		for family, n := range from {
			into[family] += n
		}
	},
}

// sample is names that carry their family.
type sample struct{ family, name string }

func generate(rng *rand.Rand, families []patterntest.Family, count func(patterntest.Family) int) []sample {
	var all []sample
	for _, f := range families {
		for _, name := range f.Generate(rng, count(f)) {
			all = append(all, sample{f.Name, name})
		}
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// groupAll groups names as a run does: by a survey of the first names, then the trie.
func groupAll(samples []sample) []Namespace[owners] {
	survey := NewSurvey(nil)
	for _, s := range samples {
		if !survey.Add(s.name) {
			break
		}
	}
	trie := NewTrie(survey.Dictionary(), ownerValues)
	for _, s := range samples {
		trie.At(s.name)[s.family]++
	}
	return trie.Namespaces()
}

// checkRequirements fails unless each family is in one namespace for at least
// 98 % of its names (one for each of its words), no namespace holds names of
// two families, and there are few namespaces.
func checkRequirements(t *testing.T, families []patterntest.Family, list []Namespace[owners], wants bool) {
	t.Helper()
	rows, sizes, words := map[string]map[string]int{}, sizesOf(list), 0
	for _, n := range list {
		checkUnmixed(t, n, sizes)
		for family, count := range n.Value {
			if rows[family] == nil {
				rows[family] = map[string]int{}
			}
			rows[family][n.Pattern] += count
		}
	}
	for _, f := range families {
		words += f.Words()
		checkShare(t, f, rows[f.Name], wants)
	}
	if limit := words*3/2 + 5; len(list) > limit {
		t.Errorf("%d namespaces for %d families, want at most %d", len(list), len(families), limit)
	}
}

// sizesOf counts the names of each family.
func sizesOf(list []Namespace[owners]) owners {
	sizes := owners{}
	for _, n := range list {
		ownerValues.Merge(sizes, n.Value)
	}
	return sizes
}

// checkUnmixed fails if a namespace holds names of two families. One of 10,000
// random tokens may look like that of another family: share_… like one token
// with an underscore in it.
func checkUnmixed(t *testing.T, n Namespace[owners], sizes owners) {
	t.Helper()
	residents := 0
	for family, count := range n.Value {
		if count*10_000 > sizes[family] {
			residents++
		}
	}
	if residents > 1 {
		t.Errorf("%s mixes families: %v", n.Pattern, n.Value)
	}
}

func checkShare(t *testing.T, f patterntest.Family, rows map[string]int, wants bool) {
	t.Helper()
	var patterns []string
	total := 0
	for p, n := range rows {
		patterns = append(patterns, p)
		total += n
	}
	slices.SortFunc(patterns, func(a, b string) int { return rows[b] - rows[a] })
	share := 0
	for _, p := range patterns[:min(len(patterns), f.Words())] {
		share += rows[p]
	}
	if share*100 < total*98 || len(patterns) > 3*f.Words()+3 {
		t.Errorf("%s: %d of %d names in the main namespaces of %d:%s", f.Name, share, total, len(patterns), describe(patterns, rows))
	}
	if wants && f.Words() == 1 && patterns[0] != f.Want {
		t.Errorf("%s: namespace %q, want %q", f.Name, patterns[0], f.Want)
	}
}

func describe(patterns []string, rows map[string]int) string {
	var b strings.Builder
	for _, p := range patterns[:min(len(patterns), 8)] {
		fmt.Fprintf(&b, "\n\t%6d %s", rows[p], p)
	}
	return b.String()
}

const fewNames, manyNames = 200, 20_000

func TestEachFamilyAlone(t *testing.T) {
	for _, n := range []int{fewNames, manyNames} {
		for _, f := range patterntest.Families() {
			rng := rand.New(rand.NewPCG(1, uint64(n)))
			families := []patterntest.Family{f}
			list := groupAll(generate(rng, families, func(patterntest.Family) int { return n }))
			checkRequirements(t, families, list, true)
		}
	}
}

func TestFamiliesMixed(t *testing.T) {
	for _, n := range []int{fewNames, manyNames} {
		rng := rand.New(rand.NewPCG(2, uint64(n)))
		families := patterntest.Families()
		list := groupAll(generate(rng, families, func(patterntest.Family) int { return n }))
		t.Logf("%d names of each family: %d namespaces", n, len(list))
		checkRequirements(t, families, list, true)
	}
}

// TestOneFamilyDominates gives one family nearly all names.
func TestOneFamilyDominates(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: make soak")
	}
	known := patterntest.Families()
	for _, tt := range []struct {
		families []patterntest.Family
		times    int // as many names as all others together
		step     int // between the families that dominate: all would take minutes
	}{
		{known, 99, 6},
		{slices.Concat(known, frameworks), 10, 20},
	} {
		for i := 1; i < len(tt.families); i += tt.step {
			checkDominated(t, tt.families, tt.families[i].Name, tt.times)
		}
	}
}

func checkDominated(t *testing.T, families []patterntest.Family, big string, times int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	list := groupAll(generate(rng, families, func(f patterntest.Family) int {
		if f.Name == big {
			return times * fewNames * (len(families) - 1)
		}
		return fewNames
	}))
	checkRequirements(t, families, list, false)
}

// frameworks are families of names as software that uses Redis writes them,
// beyond those of families.tsv.
var frameworks = []patterntest.Family{
	{Name: "short ids, 6", Template: "s/{b62:6}", Want: "s/<rand>"},
	{Name: "short ids, 7", Template: "short7/{b62:7}", Want: "short7/<rand>"},
	{Name: "short ids, 8", Template: "link:{b62:8}:clicks", Want: "link:<rand>:clicks"},
	{Name: "short ids, 10", Template: "paste:{b62:10}", Want: "paste:<rand>"},
	{Name: "short ids, 12", Template: "invite:{b62:12}", Want: "invite:<rand>"},
	{Name: "YouTube ids", Template: "video:{b64url:11}:meta", Want: "video:<rand>:meta"},
	{Name: "URL-safe, 16", Template: "csrf:{b64url:16}", Want: "csrf:<rand>"},
	{Name: "URL-safe, 22", Template: "tok:{b64url:22}", Want: "tok:<rand>"},
	{Name: "URL-safe, 32", Template: "remember_me:{b64url:32}", Want: "remember_me:<rand>"},
	{Name: "URL-safe, 64", Template: "refresh:{b64url:64}:family", Want: "refresh:<rand>:family"},
	{Name: "connect-redis", Template: "sess:{b64url:32}", Want: "sess:<rand>"},
	{Name: "git abbreviations", Template: "build:{hex7}:status", Want: "build:<hex>:status"},
	{Name: "hex, 12", Template: "container:{hex12}", Want: "container:<hex>"},
	{Name: "ActionCable", Template: "_action_cable_internal:{int:1-99999}", Want: "_action_cable_internal:<int>"},
	{Name: "Rails cache", Template: "cache:posts/{int:1-99999}-{time:20060102150405}", Want: "cache:posts/<int>-<datetime>"},
	{Name: "Sidekiq queue", Template: "queue:{word:default,mailers,critical}", Want: ""},
	{Name: "Sidekiq process", Template: "web-{hex12}:{int:1-99}:{hex12}:work", Want: "web-<hex>:<int>:<hex>:work"},
	{Name: "Sidekiq batch", Template: "BID-{b64url:14}-success", Want: ""},
	{Name: "Resque worker", Template: "resque:worker:app-{int:10-99}:{int:1-32000}:mail", Want: "resque:worker:app-<int>:<int>:mail"},
	{Name: "Celery unacked", Template: "_kombu.binding.reply.{uuid}", Want: "_kombu.binding.reply.<uuid>"},
	{Name: "Celery chord", Template: "chord-unlock-{uuid}.j", Want: "chord-unlock-<uuid>.j"},
	{Name: "RQ job", Template: "rq:job:{uuid}", Want: "rq:job:<uuid>"},
	{Name: "RQ result", Template: "rq:results:{uuid}:latest", Want: "rq:results:<uuid>:latest"},
	{Name: "Dramatiq", Template: "dramatiq:__acks__.{uuid}.default", Want: "dramatiq:__acks__.<uuid>.default"},
	{Name: "arq", Template: "arq:result:{hex32}", Want: "arq:result:<hex32>"},
	{Name: "BullMQ braces", Template: "bull:{payments}:{int:1-900000}:events", Want: "bull:{payments}:<int>:events"},
	{Name: "BullMQ lock", Template: "bull:img:{uuid}:lock", Want: "bull:img:<uuid>:lock"},
	{Name: "Laravel job", Template: "laravel_horizon:{uuid}", Want: "laravel_horizon:<uuid>"},
	{Name: "Laravel throttle", Template: "laravel_cache:{hex40}:timer", Want: "laravel_cache:<hex40>:timer"},
	{Name: "Symfony", Template: "sf_s{b36:26}", Want: ""},
	{Name: "PHP session", Template: "PHPREDIS_SESSION:{b36:26}", Want: "PHPREDIS_SESSION:<rand>"},
	{Name: "Magento", Template: "zc:ti:0d4_CATALOG_PRODUCT_{int:1-99999}", Want: ""},
	{Name: "WordPress transient", Template: "wp:site-transient:feed_{hex32}", Want: "wp:site-transient:feed_<hex32>"},
	{Name: "WooCommerce", Template: "wc_session_{int:1-99999}", Want: "wc_session_<int>"},
	{Name: "Drupal", Template: "drupal.cache:render:{slug}:{hex10}", Want: ""},
	{Name: "Spring cache", Template: "products::{int:1-99999}", Want: "products::<int>"},
	{Name: "Spring session index", Template: "spring:session:index:PRINCIPAL:{email}", Want: "spring:session:index:PRINCIPAL:<email>"},
	{Name: "Redisson", Template: "redisson_lock__channel:{{uuid}}", Want: "redisson_lock__channel:{<uuid>}"},
	{Name: "Keycloak", Template: "sso:realm:{slug}:user:{uuid}", Want: "sso:realm:<*>:user:<uuid>"},
	{Name: "Kong", Template: "ratelimit:{uuid}:{ip4}:{ts}:minute", Want: "ratelimit:<uuid>:<ip4>:<ts>:minute"},
	{Name: "Traefik", Template: "traefik/http/services/{slug}/loadbalancer", Want: "traefik/http/services/<*>/loadbalancer"},
	{Name: "Socket.IO", Template: "socket.io#/#{b64url:20}#", Want: "socket.io#/#<rand>#"},
	{Name: "Mastodon feed", Template: "feed:home:{int:100000000000000000-119999999999999999}", Want: "feed:home:<int>"},
	{Name: "Discourse", Template: "default:user-last-seen:{int:1-9999}", Want: "default:user-last-seen:<int>"},
	{Name: "GitLab trace", Template: "gitlab:ci:trace:{int:1-9999999}:lock", Want: "gitlab:ci:trace:<int>:lock"},
	{Name: "GitLab etag", Template: "etag:/{slug}/{slug}/issues/{int:1-9999}", Want: "etag:/<*>/<*>/issues/<int>"},
	{Name: "Airflow", Template: "airflow-task-{slug}-{date}", Want: ""},
	{Name: "Superset", Template: "superset_results{uuid}", Want: "superset_results<uuid>"},
	{Name: "Stripe", Template: "pay:pi_{b62:24}", Want: "pay:pi_<rand>"},
	{Name: "Firebase uid", Template: "presence:{b62:28}", Want: "presence:<rand>"},
	{Name: "Mongo id", Template: "doc:{hex24}:rev", Want: "doc:<hex24>:rev"},
	{Name: "Kubernetes pod", Template: "pod:web-{hex10}-{b36:5}", Want: ""},
	{Name: "phone", Template: "otp:+4915{int:10000000-99999999}", Want: "otp:<phone>"},
	{Name: "host", Template: "host:app{int:0-99}", Want: "host:app<int>"},
	{Name: "shard", Template: "shard{int:0-9}:lag", Want: "shard<int>:lag"},
	{Name: "geohash", Template: "gh:{b36:9}", Want: "gh:<rand>"},
	{Name: "user names", Template: "@{slug}/followers", Want: "@<*>/followers"},
	{Name: "slug with number", Template: "article:{slug}-{int:100-999}", Want: "article:<*>-<int>"},
	{Name: "Hangfire", Template: "hangfire:job:{uuid}:state", Want: "hangfire:job:<uuid>:state"},
	{Name: "Asynq", Template: "asynq:{default}:t:{uuid}", Want: "asynq:{default}:t:<uuid>"},
	{Name: "Asynq unique", Template: "asynq:{critical}:unique:{hex32}", Want: "asynq:{critical}:unique:<hex32>"},
	{Name: "Sidekiq unique jobs", Template: "uniquejobs:{hex32}:LOCKED", Want: "uniquejobs:<hex32>:LOCKED"},
	{Name: "Faktory", Template: "faktory:{int:1-99999}:{b64url:16}", Want: "faktory:<int>:<rand>"},
	{Name: "Flipper", Template: "flipper_features:{slug}", Want: "flipper_features:<*>"},
	{Name: "Rails query cache", Template: "ar_cache:users/query-{hex32}-{int:1-500}-{time:20060102150405}", Want: "ar_cache:users/query-<hex32>-<int>-<datetime>"},
	{Name: "Laravel Sanctum", Template: "sanctum:token:{int:1-99999}|{b62:40}", Want: "sanctum:token:<int>|<rand>"},
	{Name: "Nuxt payload", Template: "nuxt:payload:/products/{slug}", Want: "nuxt:payload:/products/<*>"},
	{Name: "Strapi", Template: "strapi::{slug}:{int:1-9999}", Want: "strapi::<*>:<int>"},
	{Name: "Docker registry", Template: "docker:registry:blobs::sha256:{hex64}", Want: "docker:registry:blobs::sha256:<hex64>"},
	{Name: "Argo CD manifests", Template: "argocd|mfst|app-{slug}|{hex40}|1.8.3.gz", Want: ""},
	{Name: "Sentry event", Template: "sentry:event-{hex32}:{int:1-999}", Want: "sentry:event-<hex32>:<int>"},
	{Name: "Zuul", Template: "zuul:ratelimit:{ip4}:{slug}", Want: "zuul:ratelimit:<ip4>:<*>"},
	{Name: "Spring Cloud Gateway", Template: "request_rate_limiter.{{email}}.tokens", Want: "request_rate_limiter.{<email>}.tokens"},
	{Name: "Matrix room", Template: "matrix:!{b62:18}:example.org", Want: "matrix:!<rand>:example.org"},
	{Name: "IoT telemetry", Template: "iot/{hex12}/telemetry/{tsms}", Want: "iot/<hex>/telemetry/<ts_ms>"},
	{Name: "stock quotes", Template: "stock:{word:AAPL,GOOG,MSFT,TSLA}:{date}", Want: ""},
	{Name: "candles", Template: "ohlc:BTC-USD:{word:1m,5m,15m,1h}:{ts}", Want: ""},
	{Name: "map tiles", Template: "geo:tile:{int:0-19}/{int:0-99999}/{int:0-99999}.png", Want: "geo:tile:<int>/<int>/<int>.png"},
	{Name: "Discord", Template: "discord:guild:{int:100000000000000000-999999999999999999}:members", Want: "discord:guild:<int>:members"},
	{Name: "experiments", Template: "ab:exp-{int:1-99}:bucket-{int:0-9}", Want: "ab:exp-<int>:bucket-<int>"},
	{Name: "versioned flags", Template: "feature:{slug}:v{int:1-40}", Want: ""},
	{Name: "API versions", Template: "{word:v1,v2,v3}:accounts:{int:1-99999}", Want: ""},
	{Name: "cluster slots", Template: "replica-{int:1-9}:slot-{int:0-16383}", Want: "replica-<int>:slot-<int>"},
	{Name: "order numbers", Template: "order:ORD-{time:20060102}-{int:10000-99999}", Want: "order:ORD-<date8>-<int>"},
	{Name: "coupons", Template: "coupon:{word:SUMMER,WINTER,SPRING}{int:1000-9999}", Want: ""},
	{Name: "thumbnails", Template: "img:{int:1-99999}_{int:100-999}x{int:100-999}.webp", Want: "img:<int>_<int>x<int>.webp"},
	{Name: "Consul", Template: "consul:lock/service/{slug}/leader", Want: "consul:lock/service/<*>/leader"},
	{Name: "Elastic rollover", Template: "elastic:rollover-logs-{time:2006.01.02}-{int:100000-999999}", Want: "elastic:rollover-logs-<date>-<int>"},
	{Name: "EC2", Template: "aws:i-{hex17}:state", Want: "aws:i-<hex>:state"},
	{Name: "EBS", Template: "ebs/vol-{hex17}", Want: "ebs/vol-<hex>"},
	{Name: "Ethereum", Template: "nft:0x{hex40}:{int:1-9999}", Want: "nft:0x<hex40>:<int>"},
	{Name: "WeChat", Template: "wx:openid:o{b64url:27}", Want: "wx:openid:<rand>"},
	{Name: "short codes, 5", Template: "code5:{b36:5}", Want: "code5:<*>"},
	{Name: "tenant codes", Template: "{slug}:code:{b36:5}", Want: ""},
}

func TestFrameworks(t *testing.T) {
	for _, n := range []int{fewNames, manyNames} {
		for _, f := range frameworks {
			families := []patterntest.Family{f}
			rng := rand.New(rand.NewPCG(10, uint64(n)))
			checkRequirements(t, families, groupAll(generate(rng, families, func(patterntest.Family) int { return n })), f.Want != "")
		}
		rng := rand.New(rand.NewPCG(11, uint64(n)))
		list := groupAll(generate(rng, frameworks, func(patterntest.Family) int { return n }))
		checkRequirements(t, frameworks, list, false)
	}
}
