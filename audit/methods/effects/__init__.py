"""How an output moves with one column, what losing a column costs, and a small tree that decides as the model does. numpy and scikit-learn."""
