package command

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain runs the tests, or keyprof itself where a test has started this program
// under that name.
func TestMain(m *testing.M) {
	testscript.Main(inProjectRoot{m}, map[string]func(){"keyprof": func() { os.Exit(Main(version)) }})
}

// inProjectRoot runs tests in the top folder of the project: paths in tests, such
// as README.md or testdata/script, begin there.
type inProjectRoot struct{ *testing.M }

func (m inProjectRoot) Run() int {
	for range 10 {
		if _, err := os.Stat("go.mod"); err == nil {
			return m.M.Run()
		}
		if err := os.Chdir(".."); err != nil {
			panic(err)
		}
	}
	panic("there is no go.mod in the folders above")
}

// TestScripts runs testdata/script/*.txtar: what a user types, sees and gets as
// exit code. The commands that scripts have besides testscript's own are those
// of scriptCommands.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TZ", "America/New_York") // reports are in UTC wherever they are printed
			env.Values[serversKey{}], env.Values[proxiesKey{}], env.Values[runsKey{}] = servers{}, proxies{}, runs{}
			return nil
		},
		Cmds:      scriptCommands,
		Condition: scriptCondition,
	})
}

var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"redis-server":    startServer,
	"redis":           sendCommand,
	"seed":            seed,
	"fake":            startFake,
	"hostile-server":  startHostile,
	"commandstats":    commandStats,
	"tls-server":      startTLS,
	"replica":         startReplica,
	"exit":            exitCodeIs,
	"interrupt-twice": interruptTwice,
	"proxy":           startProxy,
	"cut":             cut,
	"pause":           pause,
	"resume":          resume,
	"crash":           crash,
	"restart":         restart,
	"start":           startRun,
	"await":           awaitText,
	"signal":          signalRun,
	"ended":           endedWith,
	"small-disk":      smallDisk,
	"later":           later,
	"put":             put,
	"idle":            idle,
}
