package rollout

import (
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// processGroup is a program and what it started, in a job, which ends with its last handle.
type processGroup struct {
	cmd *exec.Cmd
	job windows.Handle
}

// startGroup starts the program in a job of its own. What it starts before it is in the job
// is not.
func startGroup(cmd *exec.Cmd) (*processGroup, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	g := &processGroup{cmd: cmd, job: job}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		g.release()
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		g.release()
		return nil, err
	}
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(cmd.Process.Pid))
	if err == nil {
		err = windows.AssignProcessToJobObject(job, process)
		_ = windows.CloseHandle(process)
	}
	if err != nil { // it is over already, or may not be in a job: then it is alone
		return g, nil //nolint:nilerr // the program runs
	}
	return g, nil
}

// terminate asks for an end as Ctrl-Break does. Programs without a console do not hear it.
func (g *processGroup) terminate() {
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.cmd.Process.Pid))
}

func (g *processGroup) kill() {
	_ = windows.TerminateJobObject(g.job, 1)
	_ = g.cmd.Process.Kill()
}

// endRest kills what a program that is over has left behind: nothing can ask for its end.
func (g *processGroup) endRest() { _ = windows.TerminateJobObject(g.job, 1) }

func (g *processGroup) release() { _ = windows.CloseHandle(g.job) }
