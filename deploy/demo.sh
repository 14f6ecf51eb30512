# The demonstration: files of yours, or slides and photographs made here and a laboratory's order and
# reports, under a fictitious patient, in an archive of its own. `make demo` calls it with SLIDE, PHOTO and PORT.
set -eu
bin=.venv/bin
folder=demo-data
SANSVERRE_DATA=$folder/archive
export SANSVERRE_DATA

# usage: make_once SAMPLE FILE OPTION...
make_once() {
    sample=$1 file=$2
    shift 2
    [ -e "$file" ] && return
    # Under another name until it is whole, so that an interrupted demonstration starts well again.
    draft=$folder/draft-${file##*/}
    "$bin/python" -m "tests.samples.$sample" "$draft" "$@" >/dev/null
    mv "$draft" "$file"
}

# usage: take COMMAND ACCESSION FILE... [OPTION...]
take() {
    command=$1 accession=$2
    shift 2
    "$bin/sansverre" "$command" "$@" --accession "$accession" \
        --patient-id DEMO-0001 --issuer DEMONSTRATION --patient-name "DEMONSTRATION^Patient" \
        --birth-date 19000101 --sex O
}

mkdir -p "$folder"
if [ -n "${SLIDE:-}${PHOTO:-}" ]; then
    [ -z "${SLIDE:-}" ] || take ingest DEMO-YOUR-SLIDE "$SLIDE"
    [ -z "${PHOTO:-}" ] || take ingest DEMO-YOUR-PHOTO "$PHOTO"
elif [ ! -e "$folder/ready" ]; then
    echo "Making slides and photographs to show (this once) ..."
    make_once slide "$folder/slide.svs" --stain mixed --width 12000 --height 10000
    make_once slide "$folder/slide-2.svs" --stain IHC-DAB --seed 2 --width 3000 --height 2400
    make_once slide "$folder/slide-3.svs" --stain PAS --seed 3 --width 3000 --height 2400
    make_once photo "$folder/overview.jpg" --kind clinical --ruler
    make_once photo "$folder/visit-1.jpg" --kind dermoscopy --seed 2 --width 2016 --height 1512
    make_once photo "$folder/visit-2.jpg" --kind dermoscopy --seed 2 --visit 2 --width 2016 \
        --height 1512
    # The laboratory's order names the slides by their labels, so that nobody says whose they are.
    "$bin/python" -m tests.samples.laboratory
    "$bin/sansverre" ingest "$folder/slide.svs" "$folder/slide-2.svs" "$folder/slide-3.svs"
    take photo DEMO-VISIT-1 "$folder/overview.jpg" --kind overview --site 70559009 --side L
    take photo DEMO-VISIT-1 "$folder/visit-1.jpg" --kind dermoscopy --site 70559009 --side L \
        --lesion new
    take photo DEMO-VISIT-2 "$folder/visit-2.jpg" --kind dermoscopy --site 70559009 --side L \
        --lesion L1
    touch "$folder/ready"
fi

# The first port from PORT on that nobody uses; as for servers, one whose last connections are still
# closing is free.
port=$("$bin/python" - "${PORT:-8000}" <<'PYTHON'
import socket
import sys

first = int(sys.argv[1])
for port in range(first, min(first + 100, 65536)):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        sys.exit(print(port))
sys.exit(f"No free port from {first} on: choose another with PORT=...")
PYTHON
)
[ "$port" = "${PORT:-8000}" ] || echo "Port ${PORT:-8000} is taken: using $port."
exec "$bin/sansverre" serve --port "$port"
