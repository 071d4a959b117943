"""The engine: claims an execution, walks its definition, records what it did.

Three short acts: claim (a transaction), run a step (none open), record (a
transaction). What runs next is pure code over the definition and the records
(`interpreter.py`); everything that touches the world stands around it.
"""
