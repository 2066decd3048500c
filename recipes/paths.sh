# Paths in Hydra's overrides; sourced by the scripts that start verl.

# A quoted value, which Hydra reads as it stands.
quoted() { printf "'%s'" "${1//\'/\\\'}"; }

# Refuses, before anything is built, variables with a path that the data set's loader or Hydra would read as a pattern.
check_paths() {
    local name
    for name in "$@"; do
        case ${!name} in
            *[][*?\\]* | *'${'* | *$'\n'*)
                echo "$(basename "$0"): $name=${!name}: a path cannot hold [ ] * ? \\ \${ or a line end; choose another" >&2
                exit 2 ;;
        esac
    done
}
