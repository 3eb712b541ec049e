// Package temporalclient connects to Temporal the way every Callweave program must:
// payloads and failures sealed, traces and metrics on, search attributes registered.
package temporalclient

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"callweave/internal/vault"
)

// Encoding is the metadata value that marks a payload sealed by us. The key id is in
// Tink's own prefix of the ciphertext, so keys rotate without a mark of their own.
const Encoding = "binary/callweave-sealed-v1"

// codec seals payloads under the master keyset. Plain payloads pass through Decode
// untouched, so that operators can start and signal with short JSON from any tool.
type codec struct{ master *vault.Master }

// NewCodec returns the codec of workflow payloads.
func NewCodec(master *vault.Master) converter.PayloadCodec { return codec{master: master} }

// Encode implements converter.PayloadCodec.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return payloads, fmt.Errorf("seal payload: %w", err)
		}
		data, err := c.master.Seal(vault.PurposePayload, plain)
		if err != nil {
			return payloads, err
		}
		sealed[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(Encoding)},
			Data:     data,
		}
	}
	return sealed, nil
}

// Decode implements converter.PayloadCodec.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if string(payload.GetMetadata()[converter.MetadataEncoding]) != Encoding {
			opened[i] = payload
			continue
		}
		plain, err := c.master.Open(vault.PurposePayload, payload.GetData())
		if err != nil {
			return payloads, err
		}
		opened[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, opened[i]); err != nil {
			return payloads, fmt.Errorf("open payload: %w", err)
		}
	}
	return opened, nil
}

// NewDataConverter is the JSON converter with the codec around it.
func NewDataConverter(master *vault.Master) converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), NewCodec(master))
}
