# shellcheck shell=bash disable=SC2154 # vaultctl writes its tables above this
# The rest is the same whatever the tables above hold. Nothing is asked of vaultctl or of a vault, and
# nothing of bash-completion is needed: readline's own splitting at = and : is undone here.

# One word before the cursor. Moves command, arguments, options, place, due and ended of _vaultctl.
_vaultctl_take() {
    local option list
    case $1 in
    =*) return ;;             # between --data and its value
    :*) due=REST && return ;; # inside a value: ipc://..., 18:00
    esac
    if [ -n "$due" ]; then
        due=
    elif [ "$known" = no ]; then
        command=${command:+$command }$1
        _vaultctl_table "$command" && known=yes
    elif [ -z "$ended" ] && [ "$1" = -- ]; then
        ended=yes
    elif [ -z "$ended" ] && [[ $1 == -?* ]]; then
        read -ra list <<<"$options" # unquoted, a name in it could be taken for a pattern of files
        for option in "${list[@]}"; do
            [[ $option != "$1="* ]] || due=${option#*=}
        done
    else
        place=$((place + 1))
    fi
}

# What a value may be, by its name in the tables.
_vaultctl_value() {
    local IFS=$' \t\n'
    case $1 in
    FILE* | OUT) compgen -f -- "$2" ;;
    DIR | FOLDER) compgen -d -- "$2" ;;
    ROLE) compgen -W "$_vaultctl_roles" -- "$2" ;;
    HOW) compgen -W "$_vaultctl_providers" -- "$2" ;;
    OPERATION) compgen -W "$_vaultctl_operations" -- "$2" ;;
    esac
}

# The words that may stand where a command's next one is due; those that begin alike stand together.
_vaultctl_next() {
    local name last=
    while read -r name; do
        if [ -n "$command" ]; then
            [[ $name != "$command "* ]] || echo "${name#"$command "}"
        elif [ "${name%% *}" != "$last" ]; then
            last=${name%% *}
            echo "$last"
        fi
    done <<<"$_vaultctl_commands"
}

_vaultctl() {
    local IFS=$' \t\n' word=${COMP_WORDS[COMP_CWORD]} attached='' i
    local command='' arguments='' options='' place=0 due='' ended='' known=no
    local -a list
    for ((i = 1; i < COMP_CWORD; i++)); do _vaultctl_take "${COMP_WORDS[i]}"; done
    case $word in
    =*) word=${word#=} ;;
    :*) due=REST ;;
    --*=*)
        attached=${word%%=*}
        _vaultctl_take "$attached"
        due=${due:-REST} attached+='=' word=${word#*=}
        ;;
    esac
    COMPREPLY=()
    if [ -n "$due" ]; then
        mapfile -t COMPREPLY < <(_vaultctl_value "$due" "$word")
        [[ $due != FILE* && $due != OUT && $due != DIR && $due != FOLDER ]] || compopt -o filenames 2>/dev/null
    elif [ -z "$ended" ] && [[ $word == -* ]]; then
        [[ -n $command ]] || options='--help --version --completion'
        read -ra list <<<"$options"
        mapfile -t COMPREPLY < <(compgen -W "${list[*]%%=*}" -- "$word")
    elif [ "$known" = no ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_vaultctl_next)" -- "$word")
    else
        read -ra list <<<"${arguments//[\[\]]/}"
        mapfile -t COMPREPLY < <(_vaultctl_value "${list[place]-}" "$word")
        [[ ${list[place]-} != F* ]] || compopt -o filenames 2>/dev/null
    fi
    COMPREPLY=("${COMPREPLY[@]/#/$attached}")
    return 0
}
complete -F _vaultctl vaultctl
