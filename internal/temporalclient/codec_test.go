package temporalclient_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/testing/protocmp"

	"callweave/internal/temporalclient"
	"callweave/internal/vault"
)

func newMaster(t *testing.T) *vault.Master {
	t.Helper()
	text, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(text)
	if err != nil {
		t.Fatal(err)
	}
	return master
}

func TestPayloadsAreSealedAndComeBack(t *testing.T) {
	t.Parallel()
	data := temporalclient.NewDataConverter(newMaster(t))
	sealed, err := data.ToPayload(map[string]string{"account_id": "in-the-clear-nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed.GetData(), []byte("in-the-clear-nowhere")) {
		t.Error("the payload shows its content")
	}
	var back map[string]string
	if err := data.FromPayload(sealed, &back); err != nil || back["account_id"] != "in-the-clear-nowhere" {
		t.Errorf("got %v, %v", back, err)
	}
}

func TestPlainPayloadsAreRead(t *testing.T) {
	t.Parallel()
	plain := &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte("json/plain")},
		Data:     []byte(`{"account_id":"typed by an operator"}`),
	}
	got, err := temporalclient.NewCodec(newMaster(t)).Decode([]*commonpb.Payload{plain})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*commonpb.Payload{plain}, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestAnotherKeysetDoesNotOpen(t *testing.T) {
	t.Parallel()
	sealed, err := temporalclient.NewDataConverter(newMaster(t)).ToPayload("x")
	if err != nil {
		t.Fatal(err)
	}
	var back string
	if err := temporalclient.NewDataConverter(newMaster(t)).FromPayload(sealed, &back); err == nil {
		t.Error("a payload sealed with another keyset was opened")
	}
}

func TestOnlyPayloadsOpenAsPayloads(t *testing.T) {
	t.Parallel()
	master := newMaster(t)
	sealed, err := master.Seal(vault.PurposeCode, []byte("a code"))
	if err != nil {
		t.Fatal(err)
	}
	forged := &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(temporalclient.Encoding)}, Data: sealed,
	}
	if _, err := temporalclient.NewCodec(master).Decode([]*commonpb.Payload{forged}); err == nil {
		t.Error("the codec opened something that is not a payload: it is an oracle")
	}
}
