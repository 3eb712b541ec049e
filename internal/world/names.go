package world

import "strings"

// namer makes full names that no text holds by accident, so that a search for one in
// logs, histories or dumps has no false hits; and none twice. They are plain ASCII
// without apostrophes, so that no encoding of a text hides them from such a search.
type namer struct{ taken map[string]bool }

// name draws first and last name.
func (n *namer) name(s *draws) (first, last string) {
	begin := []string{"Mar", "Eli", "Tov", "Jas", "Bren", "Cor", "Dal", "Ish", "Fen", "Ghis", "Hal", "Ira", "Kes", "Lio", "Nad", "Ori", "Pel", "Quen", "Ros", "Syl", "Tam", "Ulv", "Ves", "Wil", "Yar", "Zen"}
	end := []string{"avel", "ondra", "imir", "ette", "ulio", "wen", "akis", "inda", "osh", "erin", "ariel", "une", "ezra", "oline", "ivar", "adys"}
	half := []string{"Thorn", "Osland", "Quist", "Varga", "Mell", "Brack", "Lind", "Harrow", "Sorren", "Tell", "Winter", "Ash", "Cald", "Dren", "Falk", "Grims", "Holt", "Jarn", "Kest", "Lorn", "Marl", "Nords", "Pryn", "Rusk", "Stav", "Ulm", "Vond", "Wex", "Yarl", "Zell"}
	tail := []string{"wick", "mere", "gaard", "by", "stead", "holm", "ridge", "croft", "vik", "dale", "burn", "sund"}
	for {
		first = pick(s.next(), begin) + pick(s.next(), end)
		last = pick(s.next(), half) + pick(s.next(), tail)
		if s.chance(0.4) {
			last += "-" + pick(s.next(), half) + pick(s.next(), tail)
		}
		if full := first + " " + last; !n.taken[full] {
			n.taken[full] = true
			return first, last
		}
	}
}

// domain is the mail domain of a company, under a name reserved by RFC 2606.
func domain(company string) string {
	return strings.ToLower(strings.ReplaceAll(company, " ", "-")) + ".example"
}
