package explainbench

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"callweave/internal/correlate"
	"callweave/internal/explain"
)

const systemPython = "/usr/bin/python3" // the one that Debian's python3-xgboost is for

// hasXGBoost says why not where not.
func hasXGBoost(b *testing.B) error {
	b.Helper()
	if os.Getenv("CALLWEAVE_EXPLAIN_XGBOOST") == "0" {
		return errors.New("CALLWEAVE_EXPLAIN_XGBOOST=0")
	}
	if out, err := exec.CommandContext(b.Context(), systemPython, "-c", "import xgboost").CombinedOutput(); err != nil {
		return fmt.Errorf("python3-xgboost is missing: %w: %s", err, out)
	}
	return nil
}

// runXGBoost trains and explains with XGBoost on the same rows and columns, and takes its
// guesses by the same rule.
func runXGBoost(b *testing.B, into *column, s split, verdicts []explain.Verdict, bad []int, depth, rounds int) {
	b.Helper()
	if err := hasXGBoost(b); err != nil {
		b.Logf("no column for XGBoost: %v", err)
		return
	}
	dir := b.TempDir()
	learn, ask, answer := filepath.Join(dir, "learn.csv"), filepath.Join(dir, "ask.csv"), filepath.Join(dir, "answer.csv")
	writeLearn(b, learn, s.learn)
	writeAsk(b, ask, s.judge, verdicts, bad)
	cmd := exec.CommandContext(b.Context(), systemPython, "treeshap.py", learn, ask, answer, strconv.Itoa(depth), strconv.Itoa(rounds))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("treeshap.py: %v", err)
	}
	var told struct {
		Train   float64 `json:"train_seconds"`
		Explain float64 `json:"explain_seconds"`
		Rows    int     `json:"rows"`
		MAE     float64 `json:"mae"`
	}
	if err := json.Unmarshal(out, &told); err != nil {
		b.Fatal(err)
	}
	b.Logf("XGBoost depth %d: trained in %.0f s of one core; explained %d rows, one target each, at %.0f rows/s", depth, told.Train, told.Rows, float64(told.Rows)/told.Explain)
	f, err := os.Open(answer)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) != len(bad) {
		b.Fatalf("read %d guesses of XGBoost, want %d: %v", len(lines), len(bad), err)
	}
	byName := map[string]explain.Feature{}
	for f := range explain.Feature(explain.NumFeatures) {
		byName[f.String()] = f
	}
	for i, row := range bad {
		guess := Guess{Bucket: correlate.Bucket(lines[i][0])}
		for _, name := range lines[i][1:] {
			guess.Features = append(guess.Features, byName[name])
		}
		into.add(guess, s.judge.Cause[row])
	}
}

// causes are the features that models may blame.
func causes() []explain.Feature {
	var list []explain.Feature
	for f := range explain.Feature(explain.NumFeatures) {
		if !f.Symptom() {
			list = append(list, f)
		}
	}
	return list
}

func writeLearn(b *testing.B, name string, rows *Rows) {
	b.Helper()
	writeCSV(b, name, func(w *bufio.Writer) {
		head(w)
		for t := range explain.NumTargets {
			fmt.Fprintf(w, ",target_%d", t)
		}
		limits := thresholds()
		units := [...]float32{1, limits.JitterMS, limits.LossRatio}
		most := [...]float32{5 * limits.LatencyMS, 5, 5} // as in package explain
		for row := range rows.Len() {
			features(w, rows, row)
			for t, column := range rows.Media {
				number(w, ",", min(column[row]/units[t%3], most[t%3]))
			}
		}
		_, _ = w.WriteString("\n")
	})
}

func writeAsk(b *testing.B, name string, rows *Rows, verdicts []explain.Verdict, bad []int) {
	b.Helper()
	writeCSV(b, name, func(w *bufio.Writer) {
		head(w)
		_, _ = w.WriteString(",target,observed,unit,suffer")
		for _, row := range bad {
			v := &verdicts[row]
			unit := 1.0
			if v.Target.Metric() == correlate.Latency {
				unit = float64(thresholds().LatencyMS)
			}
			features(w, rows, row)
			fmt.Fprintf(w, ",%d,%v,%v,%v", v.Target, v.Observed, unit, suffering(rows.Others[row]))
		}
		_, _ = w.WriteString("\n")
	})
}

func head(w *bufio.Writer) {
	for i, f := range causes() {
		if i > 0 {
			_, _ = w.WriteString(",")
		}
		fmt.Fprintf(w, "%s:%s", f.Bucket(), f)
	}
}

func features(w *bufio.Writer, rows *Rows, row int) {
	sep := "\n"
	for _, f := range causes() {
		number(w, sep, rows.Feature[f][row])
		sep = ","
	}
}

func number(w *bufio.Writer, sep string, v float32) {
	_, _ = w.WriteString(sep)
	if math.IsNaN(float64(v)) {
		_, _ = w.WriteString("nan")
		return
	}
	_, _ = w.WriteString(strconv.FormatFloat(float64(v), 'g', 6, 32))
}

func writeCSV(b *testing.B, name string, fill func(*bufio.Writer)) {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fill(w)
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
