package localtemporal_test

import (
	"context"
	"testing"

	"callweave/internal/child/childtest"
	"callweave/internal/localtemporal"
)

func TestMain(m *testing.M) {
	childtest.Main(m, func(dir string) (int, error) {
		path, err := localtemporal.FindBinary("../..")
		if err != nil {
			return 0, err
		}
		s, err := localtemporal.Start(context.Background(), localtemporal.Config{BinaryPath: path, Dir: dir})
		if err != nil {
			return 0, err
		}
		return s.Pid(), nil
	})
}

func TestEndsWithParentAndKeepsItsState(t *testing.T) {
	t.Parallel()
	binary(t)
	orphan := childtest.KillParent(t)
	orphan.AwaitExit(t)
	start(t, localtemporal.Config{Dir: orphan.Dir})
}
