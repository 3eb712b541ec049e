package zoom

import (
	"bytes"

	"callweave/internal/provider"
)

// gateways are the streams of a minute that were measured at a gateway: of those who
// joined by web browser at the web gateway (…_rwg), of room systems at the room connector
// (…_crc). They stand in place of the plain ones.
type gateways struct{ web, room streams }

type streams struct {
	audioIn, audioOut, videoIn, videoOut, screenIn, screenOut provider.Stream
}

// readGateway reads the value of a field into g, made where it is nil, if the field is a
// stream at a gateway. Of another one it reads nothing.
func readGateway(r *reader, name []byte, g *gateways) *gateways {
	if !bytes.HasSuffix(name, []byte("_rwg")) && !bytes.HasSuffix(name, []byte("_crc")) {
		return g
	}
	if g == nil {
		g = new(gateways)
	}
	if stream := g.stream(name); stream != nil {
		readStream(r, stream)
	}
	return g
}

// stream is where the stream of a name goes; nil where it is none. "From" the device is
// the input, "to" the device the output.
func (g *gateways) stream(name []byte) *provider.Stream {
	switch string(name) {
	case "audio_device_from_rwg":
		return &g.web.audioIn
	case "audio_device_to_rwg":
		return &g.web.audioOut
	case "video_device_from_rwg":
		return &g.web.videoIn
	case "video_device_to_rwg":
		return &g.web.videoOut
	case "as_device_from_rwg":
		return &g.web.screenIn
	case "as_device_to_rwg":
		return &g.web.screenOut

	case "audio_device_from_crc":
		return &g.room.audioIn
	case "audio_device_to_crc":
		return &g.room.audioOut
	case "video_device_from_crc":
		return &g.room.videoIn
	case "video_device_to_crc":
		return &g.room.videoOut
	case "as_device_from_crc":
		return &g.room.screenIn
	case "as_device_to_crc":
		return &g.room.screenOut
	}
	return nil
}

// fill gives a sample the streams that were measured at a gateway and not at the client.
func (g *gateways) fill(sample *provider.MediaSample) {
	for _, s := range []*streams{&g.web, &g.room} {
		fillStream(&sample.AudioIn, &s.audioIn)
		fillStream(&sample.AudioOut, &s.audioOut)
		fillStream(&sample.VideoIn, &s.videoIn)
		fillStream(&sample.VideoOut, &s.videoOut)
		fillStream(&sample.ScreenIn, &s.screenIn)
		fillStream(&sample.ScreenOut, &s.screenOut)
	}
}

func fillStream(into, from *provider.Stream) {
	if !into.Measured() && from.Measured() {
		*into = *from
	}
}
