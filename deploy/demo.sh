# The demonstration: files of yours, or a slide and photographs made here, under a fictitious
# patient, in an archive of its own. `make demo` calls it with SLIDE, PHOTO and PORT.
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

# usage: ingest ACCESSION FILE...
ingest() {
    accession=$1
    shift
    "$bin/sansverre" ingest "$@" --accession "$accession" \
        --patient-id DEMO-0001 --issuer DEMONSTRATION --patient-name "DEMONSTRATION^Patient" \
        --birth-date 19000101 --sex O
}

mkdir -p "$folder"
if [ -n "${SLIDE:-}${PHOTO:-}" ]; then
    [ -z "${SLIDE:-}" ] || ingest DEMO-YOUR-SLIDE "$SLIDE"
    [ -z "${PHOTO:-}" ] || ingest DEMO-YOUR-PHOTO "$PHOTO"
elif [ ! -e "$folder/ready" ]; then
    echo "Making a slide and photographs to show (this once) ..."
    make_once slide "$folder/slide.svs" --stain mixed
    make_once photo "$folder/clinical.jpg" --kind clinical
    make_once photo "$folder/dermoscopy.jpg" --kind dermoscopy --seed 2
    ingest DEMO-SLIDE "$folder/slide.svs"
    ingest DEMO-PHOTOS "$folder/clinical.jpg" "$folder/dermoscopy.jpg"
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
