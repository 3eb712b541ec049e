package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

const marketplace = "../../docs/marketplace"

// TestTheAppsGuideHasItsPictures wants every picture that is shown, none that is not, and
// none that makes the repository heavy. `make guide-pictures` takes them.
func TestTheAppsGuideHasItsPictures(t *testing.T) {
	t.Parallel()
	const most = 200_000 // bytes
	text, err := os.ReadFile(filepath.Join(marketplace, "guide.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, found := range regexp.MustCompile(`!\[[^\]]+\]\(pictures/([a-z]+\.png)\)`).FindAllSubmatch(text, -1) {
		shown[string(found[1])] = true
	}
	if len(shown) == 0 {
		t.Fatal("the guide shows no pictures")
	}
	pictures, err := os.ReadDir(filepath.Join(marketplace, "pictures"))
	if err != nil {
		t.Fatal(err)
	}
	for _, picture := range pictures {
		info, err := picture.Info()
		if err != nil {
			t.Fatal(err)
		}
		if !shown[picture.Name()] || info.Size() > most {
			t.Errorf("%s: shown in the guide: %v, %d bytes, want at most %d", picture.Name(), shown[picture.Name()], info.Size(), most)
		}
		delete(shown, picture.Name())
	}
	for name := range shown {
		t.Errorf("%s is not there", name)
	}
}
