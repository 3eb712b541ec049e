package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"callweave/internal/collect"
	"callweave/internal/devicefile"
	"callweave/internal/network"
	"callweave/internal/store"
)

// shownProblems bounds what is printed of lines that were passed over.
const shownProblems = 20

type fileFormatFlag struct{ devicefile.Format }

func (f *fileFormatFlag) Type() string   { return "csv|jsonl" }
func (f *fileFormatFlag) String() string { return string(f.Format) }
func (f *fileFormatFlag) Set(text string) (err error) {
	f.Format, err = devicefile.ParseFormat(text)
	return err
}

type kindFlag struct{ devicefile.Kind }

func (f *kindFlag) Type() string   { return "kind" }
func (f *kindFlag) String() string { return string(f.Kind) }
func (f *kindFlag) Set(text string) (err error) {
	f.Kind, err = devicefile.ParseKind(text)
	return err
}

// deviceFile is one file to import.
type deviceFile struct {
	path   string
	gzip   bool
	reader devicefile.Options
}

func (a *app) devicesImport() *cobra.Command {
	var t target
	var format fileFormatFlag
	var kind kindFlag
	var keepGoing bool
	command := &cobra.Command{
		Use:   "import FILE...",
		Short: "Import what a network knew: sites, names of devices, leases, samples of clients, radios and uplinks",
		Long: `Import what a network knew: sites, names of devices, leases, and samples of clients, radios and uplinks, from CSV or JSON lines
(docs/devices.md has the fields). "-" is standard input; names that end in .gz are compressed. What a file is about
is said by a field "kind", or by the beginning of its name: site, device, lease, client, radio or wan. Importing a file again changes nothing.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			files, err := deviceFiles(args, format.Format, kind.Kind)
			if err != nil {
				return err
			}
			return doing(func(ctx context.Context) error { return a.importDevices(ctx, command.InOrStdin(), t, files, keepGoing) })(command, nil)
		},
	}
	t.orgFlag(command)
	command.Flags().Var(&format, "format", "csv or jsonl, where the names of the files do not end so")
	command.Flags().Var(&kind, "kind", "site, device, lease, client, radio or wan, where neither records nor names say")
	command.Flags().BoolVar(&keepGoing, "keep-going", false, "pass over lines that cannot be read, count them, and print the first of them")
	require(command, "org")
	return command
}

// deviceFiles says how each file is read; those of sites come first, because the others
// are of sites.
func deviceFiles(paths []string, format devicefile.Format, kind devicefile.Kind) ([]deviceFile, error) {
	files := make([]deviceFile, len(paths))
	for i, path := range paths {
		f := deviceFile{path: path, reader: devicefile.Options{Name: path, Format: format, Kind: kind}}
		if path == "-" {
			f.reader.Name = "standard input"
		} else {
			found, gzipped, ok := devicefile.FormatOf(path)
			f.gzip = gzipped
			if ok && format == "" {
				f.reader.Format = found
			}
			if kind == "" {
				f.reader.Kind = devicefile.KindOf(path)
			}
		}
		if f.reader.Format == "" {
			return nil, usagef("%s: want --format csv or --format jsonl, or a name that ends in .csv or .jsonl", f.reader.Name)
		}
		files[i] = f
	}
	slices.SortStableFunc(files, func(a, b deviceFile) int {
		rank := map[bool]int{true: 0, false: 1}
		return rank[a.reader.Kind == devicefile.Site] - rank[b.reader.Kind == devicefile.Site]
	})
	return files, nil
}

func (a *app) importDevices(ctx context.Context, stdin io.Reader, t target, files []deviceFile, keepGoing bool) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	v, err := a.openVault(ctx, s)
	if err != nil {
		return err
	}
	problems := 0
	done, err := collect.NewImporter(s, v, nil).Import(ctx, t.org.UUID, deviceRecords(ctx, stdin, files), func(err error) error {
		var bad *devicefile.LineError
		if !keepGoing || !errors.As(err, &bad) && !errors.Is(err, collect.ErrRecord) {
			return err
		}
		if problems++; problems <= shownProblems {
			_, _ = fmt.Fprintln(a.problems, err)
		}
		return nil
	})
	if problems > shownProblems {
		_, _ = fmt.Fprintf(a.problems, "… and %d more\n", problems-shownProblems)
	}
	if err != nil {
		if done.Records() > 0 {
			err = fmt.Errorf("%w (what is before it is stored: import again when it is mended)", err)
		}
		return err
	}
	entry := store.Entry{OrgID: &t.org.UUID, Actor: cliActor, Action: "devices imported", Detail: map[string]any{"records": done.Records(), "rejected": done.Rejected}}
	if err := s.Audit(ctx, entry); err != nil {
		return err
	}
	return a.print(done,
		row("SITES", "DEVICES", "LEASES", "CLIENT SAMPLES", "RADIO SAMPLES", "WAN SAMPLES", "REJECTED", "FROM", "TO"),
		row(done.Sites, done.Devices, done.Leases, done.Clients, done.Radios, done.WANs, done.Rejected, done.From, done.To))
}

// deviceRecords reads one file after the other.
func deviceRecords(ctx context.Context, stdin io.Reader, files []deviceFile) iter.Seq2[network.Record, error] {
	return func(yield func(network.Record, error) bool) {
		for _, file := range files {
			goesOn := true
			err := file.open(stdin, func(from io.Reader) {
				for record, err := range devicefile.Read(from, file.reader) {
					if err == nil {
						err = ctx.Err()
					}
					if goesOn = yield(record, err); !goesOn {
						return
					}
				}
			})
			if !goesOn || err != nil && !yield(network.Record{}, err) {
				return
			}
		}
	}
}

func (f deviceFile) open(stdin io.Reader, use func(io.Reader)) error {
	from := stdin
	if f.path != "-" {
		file, err := os.Open(f.path)
		if err != nil {
			return err //nolint:wrapcheck // it names the file
		}
		defer file.Close()
		from = file
	}
	if f.gzip {
		unzipped, err := gzip.NewReader(from)
		if err != nil {
			return fmt.Errorf("read %s: %w", f.reader.Name, err)
		}
		from = unzipped
	}
	use(from)
	return nil
}

func (a *app) devicesExport() *cobra.Command {
	var t target
	var format fileFormatFlag
	var kind kindFlag
	var from, to timeFlag
	command := &cobra.Command{
		Use:   "export",
		Short: "Write what is kept of an org's network, in the form that import reads",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			if to.IsZero() {
				to.Time = time.Now()
			}
			return a.exportDevices(ctx, t, format.Format, kind.Kind, from.Time, to.Time)
		}),
	}
	t.orgFlag(command)
	format.Format = devicefile.JSONL
	command.Flags().Var(&format, "format", "csv or jsonl")
	command.Flags().Var(&kind, "kind", "only site, device, lease, client, radio or wan")
	command.Flags().Var(&from, "from", "beginning of the time, also as a day; without, all of the past")
	command.Flags().Var(&to, "to", "end of the time; without, now")
	require(command, "org")
	return command
}

func (a *app) exportDevices(ctx context.Context, t target, format devicefile.Format, kind devicefile.Kind, from, to time.Time) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	v, err := a.openVault(ctx, s)
	if err != nil {
		return err
	}
	// Names leave: whoever looks later shall see that they did.
	entry := store.Entry{OrgID: &t.org.UUID, Actor: cliActor, Action: "devices exported", Detail: map[string]any{"kind": kind, "from": from, "to": to}}
	if err := s.Audit(ctx, entry); err != nil {
		return err
	}
	wants := func(k devicefile.Kind) bool { return kind == "" || kind == k }
	kinds := collect.Kinds{
		Sites: wants(devicefile.Site), Devices: wants(devicefile.Device), Leases: wants(devicefile.Lease), Clients: wants(devicefile.Client),
		Radios: wants(devicefile.Radio), WANs: wants(devicefile.WAN),
	}
	writer := devicefile.NewWriter(a.out, format, kind)
	if err := collect.NewExporter(s, v).Export(ctx, t.org.UUID, from, to, kinds, writer.Write); err != nil {
		return errors.Join(err, writer.Flush())
	}
	return writer.Flush()
}
