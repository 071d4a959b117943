"""Operations: health, metrics, engine status and the development stack."""
