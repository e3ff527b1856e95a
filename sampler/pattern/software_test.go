package pattern

import "testing"

// TestSoftware lists names that well-known programs and libraries write.
func TestSoftware(t *testing.T) {
	const (
		uuid  = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
		hex32 = "9f86d081884c7d659a2feaa0c55ad015"
		hex64 = hex32 + "a3bf4f1b2b0b822cd15d6c15b0f00a08"
	)
	checkPairs(t, []pair{
		// job queues
		{"resque:worker:web-12:4711:mailers,default", "resque:worker:web-<int>:<int>:mailers,default"},
		{"resque:status:" + uuid, "resque:status:<uuid>"},
		{"stat:failed:2024-01-02", "stat:failed:<date>"},
		{"web-1.prod:4521:8f4a1b2c3d4e:workers", "web-<int>.prod:<int>:<hex>:workers"},
		{"celery-task-meta-" + uuid, "celery-task-meta-<uuid>"},
		{"_kombu.binding.celery.pidbox", "_kombu.binding.celery.pidbox"},
		{"unacked_mutex", "unacked_mutex"},
		{"bull:email:repeat:" + hex32 + ":1700000000000", "bull:email:repeat:<hex32>:<ts_ms>"},
		{"bull:email:stalled-check", "bull:email:stalled-check"},
		{"rq:job:" + uuid, "rq:job:<uuid>"},
		{"rq:worker:" + hex32, "rq:worker:<hex32>"},
		{"huey.redis.results.myapp", "huey.redis.results.myapp"},
		{"dramatiq:default.DQ.msgs", "dramatiq:default.DQ.msgs"},
		{"airflow:my_etl:scheduled__2024-01-02T00:00:00+00:00", "airflow:my_etl:scheduled__<datetime>"},
		// web frameworks
		{"views/products/123-20240102150405/" + hex32, "views/products/<int>-<datetime>/<hex32>"},
		{":1:views.decorators.cache.cache_page..GET." + hex32 + ".en-us.UTC", ":<int>:views.decorators.cache.cache_page..GET.<hex32>.en-us.UTC"},
		{":1:django.contrib.sessions.cache0q4q7pv4c2hfs6r6gd2n1ua0b3xk5m2t", ":<int>:django.contrib.sessions.cache<rand>"},
		{"laravel_database_horizon:job:123", "laravel_database_horizon:job:<int>"},
		{"laravel_cache:illuminate:queue:restart", "laravel_cache:illuminate:queue:restart"},
		{"spring:session:sessions:expires:" + uuid, "spring:session:sessions:expires:<uuid>"},
		{
			"spring:session:index:org.springframework.session.FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME:bob@example.com",
			"spring:session:index:org.springframework.session.FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME:<email>",
		},
		{"users::42", "users::<int>"}, // Spring's cache
		{"PHPREDIS_SESSION:0q4q7pv4c2hfs6r6gd2n1ua0b3", "PHPREDIS_SESSION:<rand>"},
		{"{/w3svc/1/root_l3tk1q2bsx4zr0y5vw3mno1p}_Data", "{/w3svc/<int>/root_<rand>}_Data"},
		{"sess:V1StGXR8_Z5jdHi6B-myT0aQ9cKz2xLw", "sess:<rand>"},
		{"next-auth:session:" + uuid, "next-auth:session:<uuid>"},
		{"socket.io#/#V1StGXR8Z5jdHi6BAAAA#", "socket.io#/#<rand>#"},
		{"rack:session:2::" + hex64, "rack:session:<int>::<hex64>"},
		{"rack::attack:28333333:req/ip:10.0.0.1", "rack::attack:<int>:req/ip:<ip4>"},
		{"LIMITER/10.1.2.3/api.login/10/1/minute", "LIMITER/<ip4>/api.login/<int>/<int>/minute"},
		{"apq:" + hex64, "apq:<hex64>"},
		// applications
		{"wp:options:alloptions", "wp:options:alloptions"},
		{"wp_1:post_meta:4532", "wp_<int>:post_meta:<int>"},
		{"zc:k:0d4_CONFIG_GLOBAL", "zc:k:0d4_CONFIG_GLOBAL"}, // Magento
		{"_DISCOURSE_GLOBAL:site-settings", "_DISCOURSE_GLOBAL:site-settings"},
		{"session:gitlab:2::" + hex64, "session:gitlab:<int>::<hex64>"},
		{"etag:/my-group/my-project/issues/123/realtime_changes", "etag:/my-group/my-project/issues/<int>/realtime_changes"},
		{"feed:home:109876543210987654", "feed:home:<int>"}, // Mastodon
		{"keycloak:sessions:" + uuid, "keycloak:sessions:<uuid>"},
		{"superset_results" + uuid, "superset_results<uuid>"},
		{"superset_data_cache" + hex32, "superset_data_cache<hex32>"},
		// gateways and infrastructure
		{"ratelimit:" + uuid + ":10.0.0.1:1700000000:minute", "ratelimit:<uuid>:<ip4>:<ts>:minute"}, // Kong
		{"traefik/http/routers/web-app/rule", "traefik/http/routers/web-app/rule"},
		{"pod:web-6d4cf56db6-x7k2p:logs", "pod:web-<rand>:logs"},
		{"arn:aws:s3:::my-bucket/key", "arn:aws:s3:::my-bucket/key"},
		{"traceparent:00-" + hex32 + "-00f067aa0ba902b7-01", "traceparent:<int>-<hex32>-<hex16>-<int>"},
		// things that keys are about
		{"geo:u4pruydqqvj", "geo:<rand>"},
		{"device:ios:A1B2C3D4-E5F6-7890-ABCD-EF1234567890", "device:ios:<uuid>"},
		{"device:356938035643809:last", "device:<int>:last"},
		{"otp:+15551234567", "otp:<phone>"},
		{"app:1.24.3:config", "app:<version>:config"},
		{"report:2024-01", "report:<month>"},
		{"kpi:2024-W05", "kpi:<week>"},
		{"hits:2024010113", "hits:<datetime>"},
		{"i18n:en-US:messages", "i18n:en-US:messages"},
		{"price:BTC-USD:2024-01-02", "price:BTC-USD:<date>"},
		{"fx:EUR/USD", "fx:EUR/USD"},
		{"sk_live_51H8f2kLkdIwHu7ix28a3tqPa", "sk_live_<rand>"},
		{"pi_3MtwBwLkdIwHu7ix28a3tqPa", "pi_<rand>"},
		{"cache:products?page=2&sort=price", "cache:products?page=<int>&sort=price"},
		{"myapp:{user:1000}.following", "myapp:{user:<int>}.following"},
		{`{"user":123,"type":"x"}`, `{"user":<int>,"type":"x"}`},
	})
}
