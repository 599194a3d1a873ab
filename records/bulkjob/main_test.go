package bulkjob_test

import (
	"os"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
