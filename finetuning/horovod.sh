# What `./install.sh --with=horovod` does beyond the rest; sourced there.
# Other HOROVOD_… variables are passed on: HOROVOD_WITH_MPI=1, for an mpirun, or
# HOROVOD_GPU_OPERATIONS=NCCL, for cards. $here, $venv, $version and $name are set there.
# shellcheck shell=bash disable=SC2154

# Refuses a Python whose TensorFlow no Horovod supports.
check_horovod() {
  case $version-$name in
    3.[78].* | 3.9.*-requirements.txt | 3.1[01].*-requirements.txt) ;;
    *)
      fail "Horovod supports TensorFlow up to 2.15; make an environment for it:" \
        "PYTHON=3.11 GPU=0 VENV=.venv-horovod ./install.sh --with=horovod"
      ;;
  esac
}

# Compiles Horovod in the environment, unless it is there.
install_horovod() {
  local file=$here/finetuning/requirements-horovod.txt tool
  ! cmp -s "$file" "$(record "$file")" || return 0
  for tool in cmake make g++; do
    type -P "$tool" >/dev/null ||
      fail "Horovod is compiled here and needs cmake, make and g++: $tool is missing"
  done
  say "compiling Horovod for this TensorFlow: 4 to 7 minutes"
  pip_install wheel setuptools cloudpickle psutil pyyaml packaging
  [ -n "${HOROVOD_WITH_MPI:-}" ] || export HOROVOD_WITHOUT_MPI=1
  # The last one: CMake 4 takes an old file only if told so.
  export HOROVOD_WITH_GLOO=1 HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 \
    HOROVOD_WITHOUT_MXNET=1 CMAKE_POLICY_VERSION_MINIMUM=3.5
  pip_install --no-build-isolation --no-binary=horovod --requirement "$file"
  cp "$file" "$(record "$file")"
  rm "$venv/unfinished"
}
