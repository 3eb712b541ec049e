package explain

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"callweave/internal/correlate"
)

var testThresholds = correlate.Thresholds{LatencyMS: 150, JitterMS: 40, LossRatio: 0.02}

// randomMinutes are rows without sense: any value, any hole.
func randomMinutes(r *rand.Rand, n int) *Minutes {
	m := &Minutes{}
	hole := float32(math.NaN())
	for f := range m.Feature {
		if r.IntN(3) == 0 || Feature(f) == ClientVPNDistance {
			m.Feature[f] = make([]float32, n)
		}
	}
	for t := range m.Media {
		m.Media[t] = make([]float32, n)
	}
	places := []string{"", "a/x", "a/y", "b/x", "c/z"}
	for row := range n {
		m.Leg = append(m.Leg, int64(row/20))
		m.StartAt = append(m.StartAt, 1_800_000_000+60*int64(row))
		m.Place = append(m.Place, places[r.IntN(len(places))])
		m.Others = append(m.Others, Others{Legs: int16(r.IntN(5)), Bad: int16(r.IntN(3)), Near: int16(r.IntN(3))})
		for f, column := range m.Feature {
			if column == nil {
				continue
			}
			switch r.IntN(12) {
			case 0:
				column[row] = hole
			case 1:
				column[row] = float32(math.Inf(1 - 2*r.IntN(2)))
			default:
				column[row] = float32(r.NormFloat64() * math.Pow10(f%5-2))
			}
			if Feature(f) == ClientVPNDistance {
				column[row] = float32(row / 20 % 2)
			}
		}
		for d := range numDirections {
			if r.IntN(4) == 0 {
				for k := range numMetrics {
					m.Media[d*numMetrics+k][row] = hole
				}
				continue
			}
			fault := float32(math.Exp(2 * r.NormFloat64()))
			m.Media[d*numMetrics][row] = 40 * fault
			m.Media[d*numMetrics+1][row] = 10 * fault
			m.Media[d*numMetrics+2][row] = 0.004 * fault
		}
	}
	return m
}

func sumsUp(t *testing.T, what string, c Contributions) {
	t.Helper()
	sum := c.Expected
	for _, part := range c.Feature {
		sum += part
	}
	if diff := math.Abs(sum - c.Predicted); !(diff <= 1e-9) {
		t.Fatalf("%s: expected and contributions make %v, predicted is %v", what, sum, c.Predicted)
	}
}

// Whatever the model and the rows, holes and infinities included, parts add up.
func TestContributionsAddUp(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 1))
		model, err := Train(randomMinutes(r, 5200), Options{Thresholds: testThresholds, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		in := randomMinutes(r, 600)
		other := correlate.Thresholds{LatencyMS: 300, JitterMS: 20, LossRatio: 0.05}
		for row := range in.Len() {
			for target := range Target(NumTargets) {
				sumsUp(t, "prediction", model.Explain(in, row, target, testThresholds))
				sumsUp(t, "prediction by other thresholds", model.Explain(in, row, target, other))
			}
			var shown Troubleshoot
			model.Troubleshoot(&shown, in, row)
			sumsUp(t, "log-odds", shown.Bad)
			for d, latency := range shown.Latency {
				sumsUp(t, "latency", latency)
				if want := model.Explain(in, row, Target(d*numMetrics), testThresholds); latency != want {
					t.Fatalf("row %d, direction %d: %+v by itself, %+v with the others", row, d, want, latency)
				}
			}
		}
		for row, v := range model.Judge(nil, in, other) {
			if !v.Bad {
				continue
			}
			sumsUp(t, "verdict", v.Parts)
			if got := v.Parts.Predicted + v.Unexplained; math.Abs(got-v.Observed) > 1e-9 {
				t.Fatalf("row %d: predicted and unexplained make %v, observed is %v", row, got, v.Observed)
			}
			if !(v.Confidence >= 0 && v.Confidence <= 1) || v.Bucket == "" {
				t.Fatalf("row %d: bucket %q with confidence %v", row, v.Bucket, v.Confidence)
			}
		}
	}
}

func TestTrainIsDeterministic(t *testing.T) {
	t.Parallel()
	var first []byte
	for range 2 {
		model, err := Train(randomMinutes(rand.New(rand.NewPCG(3, 1)), 5200), Options{Thresholds: testThresholds, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := model.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = encoded
		}
		if !bytes.Equal(first, encoded) {
			t.Error("the same rows and seed gave another model")
		}
	}
}

func TestModelSurvivesItsEncoding(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 1))
	model, err := Train(randomMinutes(r, 5200), Options{Thresholds: testThresholds})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := model.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var read Model
	if err := read.UnmarshalBinary(encoded); err != nil {
		t.Fatal(err)
	}
	again, err := read.MarshalBinary()
	if err != nil || !bytes.Equal(encoded, again) {
		t.Errorf("the model that was read is written in other bytes (%v)", err)
	}
	in := randomMinutes(r, 500)
	want, got := model.Judge(nil, in, testThresholds), read.Judge(nil, in, testThresholds)
	for row := range want {
		if want[row] != got[row] {
			t.Fatalf("row %d: %+v, want %+v", row, got[row], want[row])
		}
	}
}

// FuzzUnmarshal: hostile bytes give an error, and what is read can be used.
func FuzzUnmarshal(f *testing.F) {
	r := rand.New(rand.NewPCG(4, 1))
	model, err := Train(randomMinutes(r, 5200), Options{Thresholds: testThresholds})
	if err != nil {
		f.Fatal(err)
	}
	encoded, err := model.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	in := randomMinutes(r, 60)
	f.Fuzz(func(t *testing.T, data []byte) {
		var read Model
		if err := read.UnmarshalBinary(reseal(data)); err != nil {
			if !errors.Is(err, ErrEncoding) {
				t.Errorf("error %v does not wrap ErrEncoding", err)
			}
			return
		}
		read.Judge(nil, in, testThresholds)
	})
}

func TestUnmarshalRefusesWhatIsBroken(t *testing.T) {
	t.Parallel()
	model, err := Train(randomMinutes(rand.New(rand.NewPCG(4, 1)), 5200), Options{Thresholds: testThresholds})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := model.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var read Model
	for _, cut := range []int{0, 3, 10, 100, len(encoded) / 2, len(encoded) - 1} {
		if err := read.UnmarshalBinary(encoded[:cut]); !errors.Is(err, ErrEncoding) {
			t.Errorf("the first %d bytes: %v", cut, err)
		}
		if err := read.UnmarshalBinary(reseal(encoded[:cut])); !errors.Is(err, ErrEncoding) {
			t.Errorf("the first %d bytes with a right checksum: %v", cut, err)
		}
	}
	r := rand.New(rand.NewPCG(9, 9))
	in := randomMinutes(r, 60)
	for range 300 {
		broken := bytes.Clone(encoded)
		broken[r.IntN(len(broken))] ^= byte(1 + r.IntN(255))
		if err := read.UnmarshalBinary(broken); !errors.Is(err, ErrEncoding) {
			t.Fatal("a flipped byte passed the checksum")
		}
		var resealed Model
		if err := resealed.UnmarshalBinary(reseal(broken)); err == nil {
			resealed.Judge(nil, in, testThresholds)
		}
	}
}
