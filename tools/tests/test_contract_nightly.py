"""The nightly comparison of stores runs what it says and tells what it found."""

import pytest

import contract_nightly

pytestmark = pytest.mark.one_python

GOOD = """
def test_agrees():
    assert os.environ["MASTRA_CONTRACT_EXAMPLES"] in {"7", "5"}
    assert os.environ["MASTRA_CONTRACT_SEEDED"] == "0"
"""
BAD = "def test_agrees(): assert 1 == 2, 'seen'"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command where one store has these tests."""

    def run(text, *options):
        monkeypatch.setattr(contract_nightly, "ROOT", tmp_path)
        path = tmp_path / "stores" / "mine" / "tests" / "test_contract.py"
        path.parent.mkdir(parents=True)
        path.write_text(f"import os\n{text}\n")
        return contract_nightly.main(options), capsys.readouterr()

    return run


def test_each_round_is_told_with_its_seed(run):
    """Rounds are told how much to draw, and to draw anew; each tells when it is done and what is left."""
    code, said = run(GOOD, "--examples", "12", "--round", "7", "--workers", "2")
    lines = said.out.splitlines()
    assert code == 0, said.out
    assert [line.partition("]")[0] for line in lines[:-1]] == ["[1/2", "[2/2"]
    assert sorted(line.split(": ")[1].split()[0] for line in lines[:-1]) == ["5", "7"]
    assert all("no difference" in line and "seed" in line and "min left" in line for line in lines[:-1])
    assert lines[-1].startswith("12 examples, 0 of 2 rounds with a difference")


def test_a_difference_is_shown(run):
    """What pytest printed of the failing example is printed, and the exit code tells."""
    code, said = run(BAD, "--examples", "1")
    assert code == 1
    assert "A DIFFERENCE" in said.out
    assert "seen" in said.out
    assert "1 of 1 rounds with a difference" in said.out


def test_a_selection_that_means_nothing_is_an_error(run):
    """A nightly command that runs nothing must not look like one that found nothing."""
    code, said = run("def test_other(): pass")
    assert code == 2
    assert "no test matches '(agree or machine) and not InFile'" in said.err


def test_the_stores_of_this_repository_have_a_contract():
    """The files that run where none is said, and that they have such properties."""
    files = contract_nightly.find_files()
    assert "stores/duckdb/tests/test_contract.py" in files
