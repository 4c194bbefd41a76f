// The original experiment as it was done in Go: chunks are read side by side and written in order through a
// channel of channels, or taken from one channel by a set of workers. A fresh buffer for each chunk; what is
// written goes nowhere.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// Work is one line of standard input.
type Work struct {
	// download or upload
	Kind string `json:"kind"`
	// Files with a chunk each.
	Paths []string `json:"paths"`
	// Capacity of the channel of channels, or number of workers.
	N       int `json:"n"`
	DelayMs int `json:"delayMs"`
	// Runs that are measured together.
	Times int `json:"times"`
}

// Measured is the line of standard output that answers it.
type Measured struct {
	// Of one run.
	Ns             float64 `json:"ns"`
	AllocatedBytes float64 `json:"allocatedBytes"`
}

type chunk struct {
	bytes []byte
	err   error
}

func main() {
	lines := json.NewDecoder(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		var work Work
		if err := lines.Decode(&work); err == io.EOF {
			return
		} else if err != nil {
			fail(err)
		}
		measured, err := measure(work)
		if err != nil {
			fail(err)
		}
		if err := answers.Encode(measured); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func measure(work Work) (Measured, error) {
	files := make([]*os.File, 0, len(work.Paths))
	for _, path := range work.Paths {
		file, err := os.Open(path)
		if err != nil {
			return Measured{}, err
		}
		defer file.Close()
		files = append(files, file)
	}
	delay := time.Duration(work.DelayMs) * time.Millisecond
	run := func() error { return download(files, work.N, delay) }
	if work.Kind == "upload" {
		body, chunkSize, err := bodyOf(files)
		if err != nil {
			return Measured{}, err
		}
		run = func() error { return upload(bytes.NewReader(body), chunkSize, work.N, delay) }
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for i := 0; i < work.Times; i++ {
		if err := run(); err != nil {
			return Measured{}, err
		}
	}
	ns := time.Since(start).Nanoseconds()
	runtime.ReadMemStats(&after)
	times := float64(work.Times)
	return Measured{float64(ns) / times, float64(after.TotalAlloc-before.TotalAlloc) / times}, nil
}

// Up to n+2 chunks are held: n in the channel, one that waits to get in, and one that is being waited for.
func download(files []*os.File, n int, delay time.Duration) error {
	reads := make(chan chan chunk, n)
	go func() {
		defer close(reads)
		for _, file := range files {
			read := make(chan chunk, 1)
			go func(file *os.File) { read <- readChunk(file, delay) }(file)
			reads <- read
		}
	}()
	var failure error
	for read := range reads {
		chunk := <-read
		if chunk.err != nil && failure == nil {
			failure = chunk.err
		}
		if _, err := io.Discard.Write(chunk.bytes); err != nil {
			return err
		}
	}
	return failure
}

func readChunk(file *os.File, delay time.Duration) chunk {
	time.Sleep(delay)
	info, err := file.Stat()
	if err != nil {
		return chunk{err: err}
	}
	bytes := make([]byte, info.Size())
	_, err = file.ReadAt(bytes, 0)
	return chunk{bytes, err}
}

func upload(body *bytes.Reader, chunkSize int64, workers int, delay time.Duration) error {
	chunks := make(chan []byte)
	done := make(chan error, workers)
	for i := 0; i < workers; i++ {
		go func() { done <- storeAll(chunks, delay) }()
	}
	failure := cut(body, chunkSize, chunks)
	close(chunks)
	for i := 0; i < workers; i++ {
		if err := <-done; err != nil && failure == nil {
			failure = err
		}
	}
	return failure
}

func cut(body *bytes.Reader, chunkSize int64, chunks chan<- []byte) error {
	for body.Len() > 0 {
		bytes := make([]byte, chunkSize)
		if _, err := io.ReadFull(body, bytes); err != nil {
			return err
		}
		chunks <- bytes
	}
	return nil
}

func storeAll(chunks <-chan []byte, delay time.Duration) error {
	for bytes := range chunks {
		time.Sleep(delay)
		if _, err := io.Discard.Write(bytes); err != nil {
			return err
		}
	}
	return nil
}

func bodyOf(files []*os.File) ([]byte, int64, error) {
	var body []byte
	var chunkSize int64
	for _, file := range files {
		chunk := readChunk(file, 0)
		if chunk.err != nil {
			return nil, 0, chunk.err
		}
		body = append(body, chunk.bytes...)
		chunkSize = int64(len(chunk.bytes))
	}
	return body, chunkSize, nil
}
