package cloudrun

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test's own binary is the job: run by the runner, it does what the variable TASK says and ends.
func TestMain(m *testing.M) {
	if task := tasks[os.Getenv("TASK")]; task != nil {
		os.Exit(task())
	}
	os.Exit(m.Run())
}

var tasks = map[string]func() int{
	"environment": func() int {
		env := os.Environ()
		sort.Strings(env)
		for _, v := range env {
			fmt.Println(v)
		}
		fmt.Println("args", os.Args[1:])
		return 0
	},
	"fail": func() int {
		fmt.Fprintln(os.Stderr, "it broke")
		return 3
	},
	"second attempt": func() int {
		if os.Getenv("CLOUD_RUN_TASK_ATTEMPT") == "0" {
			return 1
		}
		return 0
	},
	"odd tasks fail": func() int {
		if i := os.Getenv("CLOUD_RUN_TASK_INDEX"); i == "1" || i == "3" {
			return 1
		}
		return 0
	},
	"end at SIGTERM": func() int {
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Println("ready")
		<-term
		fmt.Println("cleaned up")
		return 1
	},
	"ignore SIGTERM": func() int {
		signal.Ignore(syscall.SIGTERM)
		child := exec.Command("sleep", "300")
		if err := child.Start(); err != nil {
			return 1
		}
		fmt.Println("child", child.Process.Pid)
		time.Sleep(5 * time.Minute)
		return 0
	},
	"leave a child": func() int {
		child := exec.Command("sleep", "300")
		if err := child.Start(); err != nil {
			return 1
		}
		fmt.Println("child", child.Process.Pid)
		return 0
	},
	"long line": func() int {
		fmt.Print(strings.Repeat("x", maxLine+10))
		return 0
	},
	"ask the endpoints": func() int {
		response, err := http.Get("http://" + os.Getenv("STORAGE_EMULATOR_HOST") + "/whoami")
		if err != nil {
			fmt.Println(err)
			return 1
		}
		content, _ := io.ReadAll(response.Body)
		fmt.Println(string(content))
		return 0
	},
	"list the sockets": func() int {
		entries, err := os.ReadDir(os.Getenv("CLOUD_SQL_SOCKET_DIR"))
		fmt.Println(len(entries), err != nil)
		for _, entry := range entries {
			target, err := os.Readlink(os.Getenv("CLOUD_SQL_SOCKET_DIR") + "/" + entry.Name() + "/.s.PGSQL.5432")
			fmt.Println(entry.Name(), target, err)
		}
		return 0
	},
}
