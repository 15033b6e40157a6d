#!/usr/bin/env bash
# Fetch the published data sets and BioBERT's weights.
#
#   ./download.sh                 all data sets, into $BIOBERT_DATA or ./datasets
#   ./download.sh NAME            one archive of data sets, into a folder NAME in there
#   ./download.sh weights NAME    a checkpoint, into ./NAME
#   ./download.sh --list          the names, and from where
#   ./download.sh --version       the suite's version
#
# The server has moved before and may again. For each NAME (upper case, without a
# leading biobert_, other characters than letters and digits as _):
#
#   BIOBERT_URL_NAME      another place, as in BIOBERT_URL_V1_1_PUBMED=https://...;
#                         one without http:// or https:// is tried with both
#   BIOBERT_SHA256_NAME   the checksum that the archive must have
#
# An archive that is already beside the folder it would become is used, so a file
# fetched by hand will do. A download that broke off is resumed. A folder that is
# already there is kept. Needs curl, and Python 3.7 or later to unpack.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
releases=https://github.com/naver/biobert-pretrained/releases

# kind, name, place
table() {
  local server=nlp.dmis.korea.edu/projects/biobert-2020-checkpoints
  cat <<TABLE
data     datasets                     $server/datasets.tar.gz
data     NERdata                      $server/NERdata.zip
data     REdata                       $server/REdata.zip
data     QA                           $server/QA.zip
weights  biobert_v1.1_pubmed          $server/biobert_v1.1_pubmed.tar.gz
weights  biobert_large_v1.1_pubmed    $server/biobert_large_v1.1_pubmed.tar.gz
weights  biobert_v1.0_pubmed          $server/biobert_v1.0_pubmed.tar.gz
weights  biobert_v1.0_pmc             $server/biobert_v1.0_pmc.tar.gz
weights  biobert_v1.0_pubmed_pmc      $server/biobert_v1.0_pubmed_pmc.tar.gz
TABLE
}

say() { printf 'download.sh: %s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 2
}

show_help() {
  local status=0
  sed -n '2,/^set /s/^# \{0,1\}//p' "$0" 2>/dev/null || status=$?
  case $status in
    0 | 141) ;; # 141: its reader went away
    *) fail "standard output: cannot be written" ;;
  esac
}

# variable URL biobert_v1.1_pubmed → BIOBERT_URL_V1_1_PUBMED
variable() {
  printf 'BIOBERT_%s_%s' "$1" "${2#biobert_}" | tr '[:lower:]' '[:upper:]' |
    tr -c '[:alnum:]' _
}

# setting URL NAME: the value of that variable, empty if it is not set
setting() {
  local name
  name=$(variable "$1" "$2")
  printf '%s' "${!name:-}"
}

published_place() { table | awk -v name="$1" '$2 == name { print $3 }'; }

known() { table | awk -v kind="$1" -v name="$2" '$1 == kind && $2 == name' | grep -q .; }

list() {
  local kind name place
  table | while read -r kind name place; do
    place=$(setting URL "$name")
    printf '%-8s %-26s %s\n%36s%s\n' "$kind" "$name" \
      "${place:-$(published_place "$name")}" "" "or \$$(variable URL "$name")"
  done
  printf '%-8s %-26s %s\n' weights biobert_v1.2 \
    "for PyTorch only: ./download.sh weights biobert_v1.2 says what to do"
}

size_of() { if [ -e "$1" ]; then wc -c <"$1"; else echo 0; fi; }

# Whether anything answers to https:// there. A certificate that does not fit is an
# answer: plain HTTP is no way around it.
offers_https() {
  local status=0
  curl --silent --head --output /dev/null --connect-timeout 20 --max-time 40 \
    "https://$1" || status=$?
  case $status in 7 | 28 | 35) return 1 ;; esac
}

# download NAME PLACE ARCHIVE
download() {
  local name=$1 url=$2
  case $url in
    http://* | https://*) ;;
    *)
      if offers_https "$url"; then
        url=https://$url
      else
        say "${url%%/*} offers no HTTPS; going on without, so nobody vouches for the" \
          "file unless $(variable SHA256 "$name") is set"
        url=http://$url
      fi
      ;;
  esac
  say "fetching $url"
  get "$name" "$url" "$3"
}

# get NAME URL ARCHIVE: fetches into ARCHIVE.part, resuming where that ends, for as long
# as every try brings more.
get() {
  local name=$1 url=$2 archive=$3 part=$3.part before code status redirect=https
  local progress=--silent
  [ ! -t 2 ] || progress=--progress-bar
  case $url in http://*) redirect=http,https ;; esac
  while :; do
    before=$(size_of "$part")
    status=0
    code=$(curl $progress --fail --location --proto =http,https \
      --proto-redir "=$redirect" --connect-timeout 20 --speed-limit 1 --speed-time 60 \
      --continue-at - --output "$part" --write-out '%{http_code}' "$url") || status=$?
    # 416: nothing comes after what is there (later curls count it as success).
    if [ "$status" = 0 ] || [ "$code" = 416 ] && [ -s "$part" ]; then
      mv "$part" "$archive"
      return
    elif [ "$status" = 33 ] && [ "$before" -gt 0 ]; then
      say "the server cannot go on in the middle; starting again"
      rm "$part"
    elif [ "$(size_of "$part")" -le "$before" ]; then
      fail "$(reason "$status" "$code" "$url"); $(remedy "$name" "$archive")"
    fi
  done
}

# reason CURL_STATUS HTTP_CODE URL
reason() {
  local server=${3#*://}
  server=${server%%/*}
  case $1 in
    6 | 7 | 28 | 35 | 52) printf '%s does not answer' "$server" ;;
    18 | 56 | 92) printf '%s breaks off; what came is kept' "$server" ;;
    22) printf '%s refuses %s (HTTP %s)' "$server" "$3" "$2" ;;
    23) printf 'the file cannot be written' ;;
    60) printf '%s has no valid certificate' "$server" ;;
    *) printf '%s cannot be fetched (curl ends with %s)' "$3" "$1" ;;
  esac
}

remedy() {
  local source=""
  case $1 in biobert_*) source=" (there may be one at $releases)" ;; esac
  printf 'try later, set %s to another place, or put the archive%s at %s yourself' \
    "$(variable URL "$1")" "$source" "$2"
  printf ' and run this again'
}

# Any Python from 3.7 on can unpack; TensorFlow is not needed.
find_python() {
  local candidate
  for candidate in "$here/.venv/bin/python" python3 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null
    then
      printf '%s\n' "$candidate"
      return
    fi
  done
  "$here/install.sh" --which
}

# fetch NAME FOLDER
fetch() {
  local name=$1 folder=$2 published place archive python checksum fetched=""
  published=$(published_place "$name")
  place=$(setting URL "$name")
  place=${place:-$published}
  checksum=$(setting SHA256 "$name")
  archive=$(dirname "$folder")/${published##*/}
  if [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then
    say "$folder is already there and was kept; move it away to fetch it anew"
    return
  fi
  python=$(find_python)
  if [ -e "$archive" ]; then
    say "using $archive, which is already there"
  else
    type -P curl >/dev/null ||
      fail "curl is missing; install it, or $(remedy "$name" "$archive")"
    mkdir -p "$(dirname "$folder")" 2>/dev/null ||
      fail "$(dirname "$folder") cannot be written"
    download "$name" "$place" "$archive"
    fetched=1
  fi
  say "unpacking $archive"
  "$python" "$here/biocodes/unpack.py" --archive_path="$archive" \
    --output_dir="$folder" ${checksum:+--sha256="$checksum"}
  [ -z "$fetched" ] || rm "$archive"
  say "$folder is ready"
}

fetch_data() {
  local folder=${BIOBERT_DATA:-./datasets}
  known data "$1" || fail "no data sets are called '$1'; see ./download.sh --list"
  [ "$1" = datasets ] || folder=${folder%/}/$1
  fetch "$1" "$folder"
}

fetch_weights() {
  local model=https://huggingface.co/dmis-lab/biobert-base-cased-v1.2
  [ "$1" != biobert_v1.2 ] || fail "biobert_v1.2 was published for PyTorch only; fetch" \
    "config.json, vocab.txt and pytorch_model.bin from $model into a folder and run" \
    "python biocodes/convert_checkpoint.py --input_dir=FOLDER --output_dir=./biobert_v1.2"
  known weights "$1" || fail "no weights are called '$1'; see ./download.sh --list"
  fetch "$1" "./$1"
  say "next: export BIOBERT_DIR=./$1"
}

case $#:${1:-} in
  0:) fetch_data datasets ;;
  1:--help | 1:-h) show_help ;;
  1:--version)
    sed -n 's/^VERSION = "\(.*\)"/download.sh \1/p' "$here/biocodes/lib/version.py"
    ;;
  1:--list) list ;;
  1:-*) fail "no such flag: $1; see ./download.sh --help" ;;
  1:weights) fail "weights of which NAME? see ./download.sh --list" ;;
  2:weights) fetch_weights "$2" ;;
  1:*) fetch_data "$1" ;;
  *) fail "too much on the command line: $*; see ./download.sh --help" ;;
esac
