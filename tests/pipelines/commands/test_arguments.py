from pathlib import Path

import pytest
import yaml

import pipelines
import training
from curation.bounds import Bound
from curation.download import Download
from curation.duplicates import Duplicates
from curation.selection import Select
from curation.sources import Laion
from pipelines.commands.arguments import parse_pipeline, pipeline_parser
from pipelines.errors import UsageError
from pipelines.pipeline import Pipeline

CONFIGS = sorted((Path(pipelines.__file__).parent / "configs").glob("*.yaml"))
QUICKSTART = next(path for path in CONFIGS if path.name == "quickstart.yaml")


def parsed(*args: str) -> Pipeline:
    return parse_pipeline(pipeline_parser("run", "", []), args)[0]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_configuration_is_read(path: Path, tmp_path: Path) -> None:
    pipeline = parsed(str(path), "--dir", str(tmp_path))
    assert set(pipeline.branches) == {"laion", "coyo", "journeydb"}
    assert pipeline.merge is not None
    assert pipeline.merge.output == str(tmp_path / "training")
    for name, branch in pipeline.branches.items():
        folders = [stage.folder for stage in branch.stages]
        assert folders[:3] == ["images", "scores", "selection"], name


def test_the_quickstart_needs_two_cores_and_no_gpu(tmp_path: Path) -> None:
    pipeline = parsed(str(QUICKSTART), "--dir", str(tmp_path))
    for branch in pipeline.branches.values():
        assert sum(stage.resources.cpus * stage.resources.min_workers for stage in branch.stages) <= 2
        assert all(stage.resources.gpus == 0 for stage in branch.stages)
    assert pipeline.train is not None
    assert (Path(training.__file__).parents[1] / pipeline.train.config).is_file()


def changed(tmp_path: Path, old: str, new: str) -> str:
    """The quickstart's configuration with one piece of text replaced."""
    text = QUICKSTART.read_text()
    assert old in text
    path = tmp_path / "changed.yaml"
    path.write_text(text.replace(old, new))
    return str(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("threads: 16", "thraeds: 16", r"curation\.download\.Download.*'thraeds' is not accepted.*'threads'\?"),
        ("rows_per_shard", "row_per_shard", r"'row_per_shard' is not accepted \(did you mean 'rows_per_shard'\?\)"),
        ("sources.Laion", "sources.Laoin", r"no attribute 'Laoin' \(did you mean 'Laion'\?\)"),
        ("miniature.Miniature", "miniature.Minature", r"no attribute 'Minature' \(did you mean 'Miniature'\?\)"),
        ("samples_per_shard", "sample_per_shard", r"'sample_per_shard'.*\(did you mean 'samples_per_shard'\?\)"),
        ("branches:", "branchs:", r"'branchs.*\(did you mean 'branches'\?\)"),
        ("{cpus: 0.1}", "{cpu: 0.1}", r"'cpu' \(did you mean 'cpus'\?\)"),
        ("timeout: 5", "timeout: soon", r"timeout.*Expected a <class 'float'>\. Got value: soon"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key_and_the_nearest_valid_one(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parsed(changed(tmp_path, old, new))
    assert "\n" not in str(caught.value)
    assert "NoneType" not in str(caught.value)


def test_no_configuration_is_asked_for() -> None:
    with pytest.raises(UsageError, match="expected a CONFIG file; `ella run --help` shows examples"):
        parsed()


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"nothing\.yaml"):
        parsed("nothing.yaml")


def test_text_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("dir: [unclosed")
    with pytest.raises(UsageError, match=r"bad\.yaml|expected"):
        parsed(str(path))


def test_the_command_line_overrides_the_file(tmp_path: Path) -> None:
    pipeline = parsed(str(QUICKSTART), "--dir", str(tmp_path), "--attempts", "7", "--train", "null")
    assert (pipeline.dir, pipeline.attempts, pipeline.train) == (str(tmp_path), 7, None)
    download = pipeline.branches["laion"].stages[0]
    assert isinstance(download, Download)
    written = yaml.safe_load(QUICKSTART.read_text())["branches"]["laion"]["stages"][0]["init_args"]
    assert (download.timeout, download.allow_hosts) == (written["timeout"], written["allow_hosts"])


def test_bounds_and_a_second_selection_are_read(tmp_path: Path) -> None:
    new = """        init_args: &select
          bounds:
            - {column: punsafe, max: 0.1}
            - {column: nsfw, equals: UNLIKELY}
            - {column: num_faces, equals: 0}
"""
    pipeline = parsed(changed(tmp_path, "        init_args: &select\n", new), "--dir", str(tmp_path))
    select = pipeline.branches["laion"].stages[2]
    assert isinstance(select, Select)
    assert select.bounds == [
        Bound(column="punsafe", max=0.1),
        Bound(column="nsfw", equals="UNLIKELY"),
        Bound(column="num_faces", equals=0),
    ]
    with pytest.raises(UsageError, match="bound on punsafe: expected min or max"):
        parsed(changed(tmp_path, "        init_args: &select\n", new.replace(", max: 0.1", "")), "--dir", str(tmp_path))


def test_duplicates_are_settings_of_the_merge(tmp_path: Path) -> None:
    settings = "merge:\n  duplicates: {near_bits: null, placeholders: cap}\n"
    path = changed(tmp_path, "merge:\n", settings)
    pipeline = parsed(path, "--dir", str(tmp_path), "--merge.duplicates.max_repeats", "5")
    assert pipeline.merge is not None
    assert pipeline.merge.duplicates == Duplicates(near_bits=None, max_repeats=5, placeholders="cap")


@pytest.mark.parametrize("spelling", ["run", "./run", "../{name}/run", "file://{folder}/run"])
def test_a_local_folder_has_one_name_however_it_is_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.chdir(tmp_path)
    pipeline = parsed(str(QUICKSTART), "--dir", spelling.format(name=tmp_path.name, folder=tmp_path))
    source = pipeline.branches["laion"].source
    assert isinstance(source, Laion)
    assert pipeline.dir == str(tmp_path / "run")
    assert source.metadata == f"{tmp_path}/run/world/laion/*.parquet"


def test_a_folder_elsewhere_keeps_its_name() -> None:
    assert parsed(str(QUICKSTART), "--dir", "memory://run").dir == "memory://run"
