"""No control character reaches the terminal, whatever a container wrote."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from render_builders import NOW, deployment, event, pod, replica_set, waiting

from minikctl.render.describe.pod import describe_pod
from minikctl.render.describe.workloads import describe_replica_set
from minikctl.render.escape import escape, escape_lines
from minikctl.render.rollout import rollout_history
from minikctl.render.tables import events_table, table

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=40)
HOSTILE = st.one_of(ANY_TEXT, st.text("\x1b\x9b\x07\r\n\t\x00\x7f\u202e\u2028[]0;m", max_size=20))


def controls(text: str) -> set[str]:
    return {one for one in text if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")} - {"\n"}


def test_the_forms() -> None:
    assert escape("\x1b[2Ja\x07\x7f") == "^[[2Ja^G^?"
    assert escape("\x9b\u202e\udc80") == "\\x9b\\u202e\\udc80"
    assert escape("naïve 日本 ✓") == "naïve 日本 ✓"
    assert escape_lines("a\n\tb\x1b\r") == "a\n\tb^[^M"


@given(HOSTILE)
def test_escape_leaves_no_control(text: str) -> None:
    assert not controls(escape(text)) and "\n" not in escape(text)
    assert not controls(escape_lines(text)) - {"\t"}


@given(HOSTILE, HOSTILE)
def test_descriptions_and_histories_have_no_controls(text: str, label: str) -> None:
    owner = deployment()
    hostile = replica_set(owner, "h", 1, cause=text, image=label)
    hostile["metadata"]["labels"] = {label: text}
    one = pod(reason=text, message=label, containerStatuses=[waiting(text)])
    shown = describe_pod(one, [event(text, reason=label)], NOW)
    shown += describe_replica_set(hostile, [], None, NOW) + rollout_history(owner, [hostile])
    assert not controls(shown)
    assert not controls(rollout_history(owner, [hostile], 1)) - {"\t"}


@given(HOSTILE, HOSTILE)
def test_tables_have_no_controls_and_one_line_a_row(text: str, label: str) -> None:
    hostile = pod(reason=text)
    hostile["metadata"]["labels"] = {label: text}
    shown = table("Pod", [hostile], NOW, wide=True, show_labels=True, label_columns=[label])
    shown += events_table([event(text, reason=label)], NOW)
    assert not controls(shown)
    assert shown.count("\n") == 4
