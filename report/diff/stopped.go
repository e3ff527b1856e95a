package diff

// stoppedSince are the namespaces whose keys are written without a TTL.
func stoppedSince(c *Comparison) []Stopped { return []Stopped{} }
