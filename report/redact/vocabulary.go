package redact

import "strings"

// vocabulary are words that stay however few keys they cover: those that the
// software which uses Redis is made of. None may be the name of a person, a
// place, a company, or anything of theirs.
var vocabulary = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(`
		active archive async attempts auth backup batch buffer cache cached caches celery channel channels
		cleanup client clients cluster config configs configuration consumer consumers count counter counters
		cron current daily data database dead default delay delayed disabled enabled error errors event events
		expire expired expires expiry failed failure failures feature features feed flag flags global hash
		health heartbeat history hourly id ids idempotency index indexes info init instance instances item
		items job jobs key keys kombu last latest leader leaderboard leaderboards limit limits limiter list
		lists lock locked locks log login logs lookup mail main master mem memory message messages meta
		metadata metric metrics migration migrations mutex next nonce notification notifications online
		otp page pages pending permission permissions ping presence primary priority process processed
		processes processing producer producers profile profiles progress pubsub queue queued queues quota
		rate ratelimit ratelimits recent redlock refresh replica request requests reserved resque result
		results retries retry role roles rq running schedule scheduled scheduler schedules schema score
		scores semaphore seq sequence server servers service services session sessions set sets setting
		settings shard shared sidekiq snapshot sorted stale stat state stats status stream streams sync
		system tag tags task tasks temp temporary throttle timeout timestamp tmp token tokens total totals
		ttl unacked unique user users value values version versions waiting wait warmup weekly worker workers
		zset`) {
		words[w] = true
	}
	return words
}()
