//go:build !linux

package main

// initEnv and runInit are for Linux.
const initEnv = "ALIPAYPLUS_TEST_INIT"

func runInit() int { return 1 }
