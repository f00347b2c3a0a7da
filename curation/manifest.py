"""What made a dataset, written beside it, so that a changed setting is noticed before anything is mixed.

`dataset.json` holds, for the source and for every stage, the settings under which its files were made. A run
compares them with its own before it starts: where files are there and a setting differs, it stops and names the
field. A step's files also depend on the steps before it, so each entry carries a fingerprint of those.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation import storage
from curation.dataset import CONTRACT, is_aside
from curation.redaction import redact_settings

Settings = dict[str, Any]


class ChangedSettingsError(ValueError):
    """Files are there that were made under other settings than the ones asked for."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One entry of a manifest.

    Args:
        name: the folder that the step fills: `urls`, `images`, `captions/cogvlm`.
        settings: what its output depends on.
        files: how many finished files it has now.
        redo: what to delete to have them made again.
    """

    name: str
    settings: Settings
    files: int
    redo: str


def settings_of(value: Any) -> Any:
    """The settings of a source, stage or captioner as plain JSON: its class and its fields.

    Fields marked by `curation.stage.execution`, fields outside the constructor and `resources` are left out:
    they change how fast the work is done and not what comes of it.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        chosen = (f for f in dataclasses.fields(value) if f.init and f.name != "resources")
        settings = {f.name: settings_of(getattr(value, f.name)) for f in chosen if not f.metadata.get("execution")}
        return {"class": type(value).__name__, **settings}
    if isinstance(value, Mapping):
        return {str(key): settings_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [settings_of(item) for item in value]
        return sorted(items) if isinstance(value, set | frozenset) else items
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def relative_to(settings: Any, folder: str) -> Any:
    """`settings` with `${dir}` for `folder` at the start of every path, so that a run's folder can be moved."""
    if isinstance(settings, dict):
        return {name: relative_to(value, folder) for name, value in settings.items()}
    if isinstance(settings, list):
        return [relative_to(value, folder) for value in settings]
    if isinstance(settings, str) and (settings == folder or settings.startswith(f"{folder}/")):
        return "${dir}" + settings.removeprefix(folder)
    return settings


def fingerprint(value: Any) -> str:
    """16 hex digits that differ where any part of a JSON value does."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def differences(old: Any, new: Any, field: str = "") -> list[str]:
    """The fields in which two JSON values differ, each as `path: old -> new`."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*old, *(name for name in new if name not in old)]
        return [
            line
            for name in names
            for line in differences(old.get(name), new.get(name), f"{field}.{name}" if field else str(name))
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            line for i, (a, b) in enumerate(zip(old, new, strict=True)) for line in differences(a, b, f"{field}[{i}]")
        ]
    return [] if old == new else [f"{field}: {_brief(old)} -> {_brief(new)}"]


def reconcile(path: str, folder: str, steps: Sequence[Step]) -> None:
    """Refuse steps whose settings changed under their files.

    Args:
        path: the manifest.
        folder: what it describes, for the message.
        steps: the whole chain in order.

    Raises:
        ChangedSettingsError: names every field that changed, and what to do.
    """
    if not storage.exists(path):
        return
    manifest = storage.read_json(path)
    if manifest.get("contract") != CONTRACT:
        raise ChangedSettingsError(
            f"{path}: written under version {manifest.get('contract')} of the layout, this is version {CONTRACT}; "
            "use another folder"
        )
    recorded = {entry["name"]: entry for entry in manifest["steps"]}
    steps = _without_secrets(steps)
    for position, step in enumerate(steps):
        if not step.files or step.name not in recorded:
            continue
        changed = differences(recorded[step.name]["settings"], step.settings)
        if changed:
            raise ChangedSettingsError(_refusal(folder, step, step.name, changed))
        for earlier in _inputs(steps, position):
            made_after = recorded[step.name]["inputs"].get(earlier.name)
            if made_after not in (None, fingerprint(earlier.settings)):
                old = recorded.get(earlier.name, {}).get("settings")
                raise ChangedSettingsError(_refusal(folder, step, earlier.name, differences(old, earlier.settings)))


def record(path: str, steps: Sequence[Step]) -> None:
    """Write down the settings of `steps`, and keep those of steps that only another configuration has.

    Credentials are left out, and may change.
    """
    steps = _without_secrets(steps)
    old = storage.read_json(path) if storage.exists(path) else {"steps": []}
    names = {step.name for step in steps}
    others = [entry for entry in old["steps"] if entry["name"] not in names]
    entries = [
        {
            "name": step.name,
            "fingerprint": fingerprint(step.settings),
            "settings": step.settings,
            "inputs": {earlier.name: fingerprint(earlier.settings) for earlier in _inputs(steps, position)},
        }
        for position, step in enumerate(steps)
    ]
    manifest = {"contract": CONTRACT, "steps": [*entries, *others]}
    if old != manifest:
        storage.write_json(path, manifest)


def _without_secrets(steps: Sequence[Step]) -> list[Step]:
    return [dataclasses.replace(step, settings=redact_settings(step.settings)) for step in steps]


def _inputs(steps: Sequence[Step], position: int) -> list[Step]:
    """The earlier steps that a step's files depend on: `captions/b` does not depend on `captions/a`."""
    variant = steps[position].name.partition("/")[2]
    earlier = [step for step in steps[:position] if not is_aside(step.name)]
    return [step for step in earlier if "/" not in step.name or step.name.partition("/")[2] == variant]


def _refusal(folder: str, step: Step, changed_in: str, changed: list[str]) -> str:
    return (
        f"{folder}: {step.files} file(s) in {step.name}/ were made with other settings of {changed_in}: "
        f"{'; '.join(changed) or 'see dataset.json'}. "
        f"Put the old value back, write to another folder, or delete {step.redo} to have it made again"
    )


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
