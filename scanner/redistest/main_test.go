package redistest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// orphanEnv makes the test binary start a server and then wait to be killed; see
// TestServerDiesWithItsParent.
const orphanEnv = "REDISTEST_ORPHAN"

func TestMain(m *testing.M) {
	if os.Getenv(orphanEnv) != "" {
		startOrphan()
	}
	goleak.VerifyTestMain(m)
}

func startOrphan() {
	ctx, cancel := contextFor(startTimeout)
	defer cancel()
	s, err := Start(ctx)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.PID())
	time.Sleep(time.Minute)
}
