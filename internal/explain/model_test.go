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

// What is known of one metric teaches, whatever is known of the others.
func TestTrainUsesEveryRowOfATarget(t *testing.T) {
	t.Parallel()
	in := office(rand.New(rand.NewPCG(1, 2)))
	hole := float32(math.NaN())
	for row := range in.Len() {
		for d := range numDirections {
			in.Media[d*numMetrics+1][row] = hole // no jitter at all
			if row%2 == 0 {
				in.Media[d*numMetrics+2][row] = hole // loss in every other row
			}
		}
	}
	in.Media[1] = nil
	model, err := Train(in, Options{Thresholds: testThresholds})
	if err != nil {
		t.Fatal(err)
	}
	asked := &Minutes{}
	asked.minute(1, 200, 30, 0, Others{})
	latency := model.Explain(asked, 0, 0, testThresholds)
	if added := latency.Feature[WANRTT]; math.Abs(added-190) > 20 {
		t.Errorf("the uplink adds %.0f ms, want about 190", added)
	}
	if loss := model.Explain(asked, 0, 2, testThresholds); math.Abs(loss.Expected-0.05) > 0.01 {
		t.Errorf("loss is expected to be %.3f of the limit, want 0.05", loss.Expected)
	}
	if jitter := model.Explain(asked, 0, 1, testThresholds); jitter.Expected != 0 {
		t.Errorf("jitter was never known, and %v is expected", jitter.Expected)
	}
}

// What an org's rows do not know of at all, the prior does.
func TestAPriorExplainsWhatTheRowsNeverKnew(t *testing.T) {
	t.Parallel()
	prior, err := Train(office(rand.New(rand.NewPCG(1, 2))), Options{Thresholds: testThresholds})
	if err != nil {
		t.Fatal(err)
	}
	in := office(rand.New(rand.NewPCG(3, 4)))
	in.Feature[ClientCPU] = nil
	for row := range in.Len() {
		if row/20%12 == 7 {
			in.slow(row, -200) // nobody's computer was busy
		}
	}
	model, err := Train(in, Options{Thresholds: testThresholds, Prior: prior})
	if err != nil {
		t.Fatal(err)
	}
	asked := &Minutes{}
	asked.minute(1, 10, 95, 0, Others{})
	if added := model.Explain(asked, 0, 0, testThresholds).Feature[ClientCPU]; math.Abs(added-200) > 20 {
		t.Errorf("a busy computer adds %.0f ms, want about 200", added)
	}
}

// Histories tell how busy the air is, and not with what: as much of it does less than as
// much Wi-Fi, in rows of both kinds.
func TestUtilisationThatIsNotSplitIsAnInputOfItsOwn(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	in := &Minutes{Feature: [NumFeatures][]float32{RadioUtil: {}, RadioUtilInterference: {}}}
	hole := float32(math.NaN())
	for i := range 12_000 {
		in.minute(int64(i/20), 10+r.Float64(), 30+r.Float64(), 0, Others{Legs: 2})
		util, other := 0.2+0.1*r.Float64(), 0.02
		switch i / 20 % 6 {
		case 1:
			util = 0.9
			in.slow(i, 160)
		case 2, 3:
			util, other = 0.9, 0.72
			in.slow(i, 40)
		}
		in.Feature[RadioUtil] = append(in.Feature[RadioUtil], float32(util))
		if i/20%2 == 0 {
			other = float64(hole)
		}
		in.Feature[RadioUtilInterference] = append(in.Feature[RadioUtilInterference], float32(other))
	}
	model, err := Train(in, Options{Thresholds: testThresholds})
	if err != nil {
		t.Fatal(err)
	}
	asked := &Minutes{Feature: [NumFeatures][]float32{RadioUtil: {0.9, 0.9}, RadioUtilInterference: {0.02, hole}}}
	for range 2 {
		asked.minute(1, 10, 30, 0, Others{})
	}
	for row, want := range []float64{160, 40} {
		if added := model.Explain(asked, row, 0, testThresholds).Feature[RadioUtil]; math.Abs(added-want) > 25 {
			t.Errorf("row %d: utilisation adds %.0f ms, want about %.0f", row, added, want)
		}
	}
}

// A few rows far from all others, in which nothing was felt, leave what is assumed of what
// lies between.
func TestFewRowsDoNotSpeakForWhatLiesBetween(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	in := &Minutes{Feature: [NumFeatures][]float32{RadioUtilInterference: {}}}
	for i := range 6000 {
		in.minute(int64(i/20), 10+r.Float64(), 30+r.Float64(), 0, Others{Legs: 2})
		other := 0.05 * r.Float64()
		if i%3000 == 7 {
			other = 0.5
		}
		if i%50 == 3 {
			in.slow(i, 200)
		}
		in.Feature[RadioUtilInterference] = append(in.Feature[RadioUtilInterference], float32(other))
	}
	model, err := Train(in, Options{Thresholds: testThresholds})
	if err != nil {
		t.Fatal(err)
	}
	asked := &Minutes{Feature: [NumFeatures][]float32{RadioUtilInterference: {0.35}}}
	asked.minute(1, 10, 30, 0, Others{})
	if got := model.Explain(asked, 0, 1, testThresholds).Feature[RadioUtilInterference]; got < 0.35 {
		t.Errorf("interference of 0.35 adds %.2f of the limit of jitter, want what the rule says: about 0.7", got)
	}
}
