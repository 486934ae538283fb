package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"vertexmetadata/sandbox/postgres"
)

// abandonedOwner makes the test binary play an owner that never closes its server.
const abandonedOwner = "VERTEX_METADATA_TEST_ABANDONED_OWNER"

func ownAndHang(string) {
	s, err := postgres.Start(context.Background(), postgres.Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.SocketDir())
	select {}
}

func TestNothingLingersAfterTheOwnerIsKilled(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), abandonedOwner+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := bufio.NewScanner(out)
	if !line.Scan() {
		t.Fatal("the owner printed nothing")
	}
	socketDir := line.Text()
	if _, err := net.Dial("unix", filepath.Join(socketDir, ".s.PGSQL.5432")); err != nil {
		t.Fatalf("the owner's server does not answer: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := os.Stat(filepath.Dir(socketDir))
		if os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", socketDir)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
