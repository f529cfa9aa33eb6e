"""Completion by the shell: commands, options, and the names of jobs and tags that the master knows.

The scripts ask the program itself, through click. The one for bash is our own: bash splits words at `:` and
`@`, which names of tags and jobs are full of, so the line is taken as it was typed, and from what the program
answers the part is cut off that bash would not replace.
"""

from __future__ import annotations

import click

from .frame import Command, session

SHELLS = ("bash", "zsh", "fish")
BASH_SCRIPT = """\
_{name}_completion() {{
    local IFS=$'\\n' line word kept= head sign item reply
    local -a words
    line=${{COMP_LINE:0:COMP_POINT}}
    word=${{line##*[[:space:]]}}
    IFS=$' \\t\\n' read -ra words <<< "${{line%"$word"}}"
    for sign in : @ =; do
        if [[ $COMP_WORDBREAKS == *$sign* && $word == *$sign* ]]; then
            head=${{word%$sign*}}$sign
            (( ${{#head}} > ${{#kept}} )) && kept=$head
        fi
    done
    reply=$(COMP_WORDS=$line COMP_CWORD=${{#words[@]}} {variable}=bash_complete "$1")
    COMPREPLY=()
    for item in $reply; do
        case ${{item%%,*}} in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) item=${{item#*,}}; COMPREPLY+=("${{item#"$kept"}}") ;;
        esac
    done
}}
complete -o nosort -F _{name}_completion {name}
"""


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS), metavar="bash|zsh|fish")
def completion(shell: str) -> None:
    """Print the script that makes a shell complete this command: its commands and options, jobs and tags.

    Output: the script. JSON: the script as a string.

    \b
    Examples:
      eval "$(disco completion bash)"                              in ~/.bashrc
      ddfs completion fish > ~/.config/fish/completions/ddfs.fish
    """
    from click.shell_completion import get_completion_class

    program = click.get_current_context().find_root()
    name = program.info_name or "disco"
    variable = f"_{name.upper()}_COMPLETE"
    if shell == "bash":
        script = BASH_SCRIPT.format(name=name, variable=variable)
    else:
        kind = get_completion_class(shell)
        assert kind is not None
        script = kind(program.command, {}, name, variable).source()
    session().emit(script, [script.rstrip("\n")])
