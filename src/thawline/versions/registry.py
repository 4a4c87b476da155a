"""The registry: a folder of immutable versions, `v0001/`, `v0002/`, …, each a bundle, and the rows that tell of them.

A directory is complete before its row is written, so no row is without its directory; what a kill left without a row
goes at the next start. Which version is active is one row's word, changed in one transaction.
"""

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from thawline.bundles.write import check_target
from thawline.errors import UserError
from thawline.files import remove_leftovers, write_text
from thawline.versions.contents import (
    ADDING,
    FOLDER,
    LOCK,
    check_registry,
    gates_missed_in,
    kind_in,
    metrics_in,
    weights_in,
)
from thawline.versions.database import Database
from thawline.versions.forgetting import Forgotten, forget
from thawline.versions.gate import CandidateVerdict
from thawline.versions.lineage import active_before, active_version
from thawline.versions.schema import Activation, ModelVersion, VersionFeedback, now
from thawline.versions.sharing import check_whole, store_bundle, write_out

BASE, IMPORTED = "base", "imported"
# By how much a bundle's logits of its golden inputs may differ on this machine from those of its export.
_ROUNDING = 1e-3

# By how much what the bundle in a directory computes of its golden inputs differs from its export, at most.
Golden = Callable[[Path], float]


class Registry:
    """Versions of one model.

    Attributes:
        root: The folder of their directories.
        database: Where their rows are.
    """

    def __init__(self, root: Path, database: Database, golden: Golden | None = None) -> None:
        """Open the registry, which may be new, and sweep what a killed process left in its folder.

        Args:
            root: Its folder.
            database: An open database.
            golden: What asks a bundle for its golden examples before it is activated (`tasks/activation.py` has one).

        Raises:
            UserError: `root` holds something else.
        """
        check_registry(root)
        root.mkdir(parents=True, exist_ok=True)
        self.root, self.database, self._golden = root, database, golden
        self._lock = filelock.FileLock(root / LOCK)
        if not database.read_only:
            with suppress(filelock.Timeout), self._lock.acquire(timeout=0):  # who holds it is adding, and has swept
                self._sweep()

    def versions(self) -> list[ModelVersion]:
        """All versions, pruned ones too, by number."""
        with self.database.reading() as session:
            return list(session.scalars(select(ModelVersion).order_by(ModelVersion.number)))

    def find(self, number: int) -> ModelVersion:
        """Version `number`.

        Raises:
            UserError: There is none of that number.
        """
        with self.database.reading() as session:
            return self._find(session, number)

    def folder(self, version: ModelVersion) -> Path:
        """The directory of `version`.

        Raises:
            UserError: It was pruned, or somebody removed it.
        """
        if version.pruned_at is not None:
            raise UserError(f"v{version.number} was pruned on {version.pruned_at:%Y-%m-%d}; only its row is left")
        folder = self.root / version.path
        if not folder.is_dir():
            raise UserError(f"the directory of v{version.number}, {folder}, is gone; put a copy of it back")
        return folder

    def active(self) -> ModelVersion | None:
        """The active version; None: there is none yet."""
        with self.database.reading() as session:
            return active_version(session)

    def add(
        self,
        bundle: Path,
        *,
        type: str,  # the column's name
        metrics: Mapping[str, Any] | None = None,
        samples: int = 0,
        parent: ModelVersion | None = None,
        feedback_ids: Collection[int] = (),
        out_of_fold: Mapping[int, float] | None = None,
    ) -> ModelVersion:
        """Keep `bundle` as the next version, complete or not at all. It is not active yet.

        Args:
            bundle: A directory that `thawline export` wrote; it stays as it is.
            type: base, prior, logistic, gda, blocks or imported.
            metrics: Plain JSON; `headline` names the figure that tables show.
            samples: How many answers it was trained on.
            parent: The version whose weights its training began with: what was in one's is in the other's.
            feedback_ids: The rows of these answers.
            out_of_fold: What it said of them without having seen them, by row.

        Raises:
            UserError: `bundle` is none, is not sound, or is of another base than the versions that there are.
        """
        check_whole(bundle)
        scores = out_of_fold or {}
        with self._writing():
            self._sweep()
            there = self.versions()
            self._check_base(bundle, there)
            number = max((version.number for version in there), default=0) + 1
            target = self.root / f"v{number:04}"
            if target.exists():
                raise UserError(
                    f"{target} is there, and the database {self.database.place} does not know it; use the database "
                    "that these versions were made with"
                )
            write_text(self.root / ADDING, target.name)
            store_bundle(bundle, target, [self.root / v.path for v in there if v.pruned_at is None])
            try:
                with self.database.session() as session:
                    version = ModelVersion(
                        number=number,
                        type=type,
                        path=target.name,
                        metrics=dict(metrics or {}),
                        samples=samples,
                        parent_id=None if parent is None else parent.id,
                        created_at=now(),
                    )
                    session.add(version)
                    session.flush()
                    rows = [
                        {"version_id": version.id, "feedback_id": row, "score": scores.get(row)}
                        for row in sorted(set(feedback_ids))
                    ]
                    if rows:
                        session.execute(insert(VersionFeedback), rows)
            except BaseException:
                shutil.rmtree(target, ignore_errors=True)
                raise
            (self.root / ADDING).unlink(missing_ok=True)
        return version

    def import_(self, bundle: Path) -> ModelVersion:
        """Keep a bundle from elsewhere as the next version; the first of a registry is its base."""
        first = not self.versions()
        metrics = metrics_in(bundle)
        return self.add(bundle, type=BASE if first else IMPORTED, metrics=metrics)

    def activate(self, number: int, *, force: bool = False, gate: CandidateVerdict | None = None) -> ModelVersion:
        """Make version `number` the active one, in one step, if its files are sound and its golden examples pass.

        One that was exported with `gates=` must have missed none of them.

        Args:
            number: The version.
            force: Whether it may be without a verdict or against one, and whatever gates it missed, which are written
                down. Its files are checked all the same.
            gate: What the gate says of it against the version that is active now; the first needs none.

        Raises:
            UserError: It may not; the version that was active still is.
        """
        version = self.find(number)
        before = self.active()
        if version.is_active:
            return version
        self.check(version)
        missed = gates_missed_in(self.folder(version))
        if missed and not force:
            stays = f", v{before.number} stays" if before else ""
            raise UserError(
                f"v{number} is not activated{stays}: it missed {_counted(missed)} when it was exported; force=true "
                "activates it anyway, and that is written down"
            )
        if before is not None and not force and not (gate and gate.met):
            why = gate.sentence if gate else "nothing judged it yet"
            raise UserError(
                f"v{number} is not activated, v{before.number} stays: {why}; force=true activates it anyway"
            )
        reason = "forced" if force and not (gate and gate.met) else gate.sentence if gate else "the first"
        if missed:
            reason += f", though it missed {_counted(missed)}"
        self._switch(version, before, reason, rollback=False)
        return self.find(number)

    def rollback(self) -> ModelVersion:
        """Make the version active again that was so before the active one.

        Raises:
            UserError: There was none before, or it is not sound; the version that was active still is.
        """
        with self.database.reading() as session:
            before, version = active_version(session), active_before(session)
        if before is None:
            raise UserError(f"no version in {self.root} is active yet, so there is nothing to roll back")
        if version is None:
            raise UserError(f"v{before.number} is the first version that was active; there is none before it")
        self.check(version)
        self._switch(version, before, f"rolled back from v{before.number}", rollback=True)
        return self.find(version.number)

    def check(self, version: ModelVersion) -> None:
        """Are the files of `version` what was written, and does it compute what it did?

        Raises:
            UserError: It is not sound; the file is named.
        """
        folder = self._check_files(version)
        if self._golden is None:
            return
        difference = self._golden(folder)
        if not difference <= _ROUNDING:
            raise UserError(
                f"v{version.number} is not used: of its golden examples it says what differs by {difference:.2g} from "
                f"its export, and {_ROUNDING:g} is the most"
            )

    def verify(self, number: int | None = None) -> list[tuple[ModelVersion, str | None]]:
        """Each version that is not pruned, or the one `number`, with what is wrong with its files; None: nothing."""
        wanted = self.versions() if number is None else [self.find(number)]
        found: list[tuple[ModelVersion, str | None]] = []
        for version in wanted:
            if number is None and version.pruned_at is not None:
                continue
            try:
                self._check_files(version)
                found.append((version, None))
            except UserError as error:
                found.append((version, str(error)))
        return found

    def prune(self, keep: int) -> list[ModelVersion]:
        """Delete the directories of versions that nothing needs, and give those versions. Their rows stay.

        Nothing needs a version that was never active and that no other version began with (the newest `keep` of these
        stay), nor a stale one, which knows of answers that were deleted, unless it is active.
        """
        if keep < 0:
            raise UserError(f"keep={keep} is no number of versions; give 0 or more")
        with self._writing():
            with self.database.session() as session:
                whole = select(ModelVersion).where(ModelVersion.pruned_at.is_(None)).order_by(ModelVersion.number)
                there = list(session.scalars(whole))
                kept = set(session.scalars(select(Activation.version_id)))
                kept |= {version.parent_id for version in there if version.parent_id is not None}
                old = {version.id for version in there[: max(0, len(there) - keep)]} - kept
                gone = [v for v in there if not v.is_active and (v.stale_since is not None or v.id in old)]
                for version in gone:
                    version.pruned_at = now()
            self._sweep()
        return gone

    def export(self, number: int, out: Path) -> Path:
        """Write version `number` as a bundle of its own to `out`, as it was added.

        Raises:
            UserError: It is not sound, or `out` holds something else than a bundle.
        """
        version = self.find(number)
        folder = self._check_files(version)
        if out.absolute().is_relative_to(self.root.absolute()):
            raise UserError(f"{out} lies within the registry; name a directory elsewhere")
        check_target(out)
        write_out(folder, out)
        return out

    def forget(self, item: str) -> Forgotten:
        """Delete every answer of `item`, a path, an id or a digest, and find the versions that still know of it.

        Raises:
            UserError: There is no such item.
        """
        return forget(self.root, self.database, item)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Change the registry within, alone."""
        if self.database.read_only:
            with self.database.session():  # it says why not
                pass
        with self._lock:
            yield

    def _check_files(self, version: ModelVersion) -> Path:
        folder = self.folder(version)
        try:
            check_whole(folder)
        except UserError as error:
            raise UserError(f"v{version.number} is not sound: {error}") from error
        return folder

    def _switch(self, version: ModelVersion, before: ModelVersion | None, reason: str, *, rollback: bool) -> None:
        """Make `version` active in place of `before`, in one transaction; refused if another one is by now."""
        with self._writing(), self.database.session() as session:
            now_active = active_version(session)
            if (now_active and now_active.id) != (before and before.id):
                raise UserError(
                    "another version was activated meanwhile; look at 'thawline versions list' and try again"
                )
            # Two statements, in this order: at no time are two versions active.
            session.execute(update(ModelVersion).where(ModelVersion.is_active).values(is_active=False))
            session.execute(update(ModelVersion).where(ModelVersion.id == version.id).values(is_active=True))
            session.add(Activation(version_id=version.id, at=now(), rollback=rollback, reason=reason))

    def _sweep(self) -> None:
        """Under the lock, remove what a killed process left: of a version without a row, or one that was pruned.

        No other directory goes, whatever rows there are: the database may be another registry's.
        """
        remove_leftovers(self.root.glob(".v*"))
        adding = self.root / ADDING
        gone = {adding.read_text(encoding="utf-8")} if adding.is_file() else set()
        there = self.versions()
        gone -= {version.path for version in there}
        gone |= {version.path for version in there if version.pruned_at is not None}
        for name in filter(FOLDER.fullmatch, gone):
            if (self.root / name).is_dir():
                shutil.rmtree(self.root / name)
        adding.unlink(missing_ok=True)

    def _find(self, session: Session, number: int) -> ModelVersion:
        version = session.scalar(select(ModelVersion).where(ModelVersion.number == number))
        if version is None:
            last = session.scalar(select(func.max(ModelVersion.number)))
            there = f"there are v1 to v{last}" if last and last > 1 else "there is v1" if last else "there are none yet"
            raise UserError(f"there is no version {number} in {self.root}; {there}")
        return version

    def _check_base(self, bundle: Path, there: Sequence[ModelVersion]) -> None:
        """Refuse a bundle of another network or task than the versions that there are."""
        given, weights = kind_in(bundle), weights_in(bundle)
        for version in there:
            try:
                folder = self.folder(version)
                wanted, others = kind_in(folder), weights_in(folder)
            except UserError:  # it is pruned or damaged
                continue
            if wanted != given:
                raise UserError(
                    f"{bundle} is of another base: it is {given}, and the versions in {self.root} are {wanted}; keep "
                    "it in another registry (versions.dir=…)"
                )
            if None in (weights, others):  # bundles did not always tell
                continue
            if weights != others:
                raise UserError(
                    f"{bundle} is of another base: it is {given} like the versions in {self.root}, but was trained "
                    "from other weights; keep it in another registry (versions.dir=…)"
                )
            return


def _counted(missed: Sequence[str]) -> str:
    """Gates that were missed, with how many they are."""
    return f"{len(missed)} gate{'s' if len(missed) != 1 else ''} ({'; '.join(missed)})"
