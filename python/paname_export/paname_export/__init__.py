"""Writes PyTorch models into archives that PANAME audits without Python and without pickle.

    import paname_export

    model.eval()
    paname_export.export(model, torch.zeros(2, 3, 32, 32), "model.pt2", task="classification")

`export` takes a model in memory, `rewrite` an archive of `torch.export.save`, `Archive` reads one back.
"""

from .errors import ExportError
from .exporting import TOLERANCE, VERSION as __version__, export, rewrite
from .replay import Archive

__all__ = ["TOLERANCE", "Archive", "ExportError", "__version__", "export", "rewrite"]
