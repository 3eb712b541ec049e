package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

//go:embed assets/*
var assetFiles embed.FS

// asset is a file that pages refer to.
type asset struct {
	kind string
	body []byte
}

// readAssets returns the files and a version that changes with them, so that browsers may
// keep them for good.
func readAssets() (map[string]asset, string, error) {
	assets, sum := map[string]asset{}, sha256.New()
	for _, file := range []struct{ name, kind string }{
		{"style.css", "text/css; charset=utf-8"}, {"console.js", "text/javascript; charset=utf-8"}, {"icon.svg", "image/svg+xml"},
	} {
		body, err := assetFiles.ReadFile("assets/" + file.name)
		if err != nil {
			return nil, "", fmt.Errorf("read %s: %w", file.name, err)
		}
		assets[file.name] = asset{file.kind, body}
		_, _ = sum.Write(body) // never fails
	}
	return assets, hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

func (c *Console) asset(w http.ResponseWriter, r *http.Request) {
	file, ok := c.assets[strings.TrimPrefix(r.URL.Path, "/console/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.kind)
	w.Header().Set("Cache-Control", "public, max-age=300")
	if r.URL.Query().Get("v") == c.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(file.body) // the browser went away: nobody is left to tell
}
